import { createRandom } from '../../core/random.ts';
import { median, ratioOfPairs } from '../../core/statistics/index.ts';
import type { NormKind } from '../../norms/index.ts';
import { secondsOf, type Timings } from '../interleave.ts';
import { baseline } from '../options.ts';
import { type Composition, composeSeconds, describeComposition, savedShare } from './compose.ts';
import type { PassShape } from './graphs.ts';
import type { GptSize } from './sizes.ts';

/** A whole model's time with each norm, composed from measured parts. */
export interface TimeShare {
  readonly size: string;
  readonly layers: number;
  readonly hiddenSize: number;
  readonly batch: number;
  readonly tokens: number;
  readonly norms: readonly {
    readonly norm: string;
    /** Median over the rounds. */
    readonly milliseconds: number;
    readonly relativeToLayerNorm: number;
    readonly ci: readonly [number, number];
  }[];
  /** (time with LayerNorm − time without norms) / time with LayerNorm. */
  readonly normShare: { readonly value: number; readonly ci: readonly [number, number] };
  /** How the time was composed, in one sentence. */
  readonly composed: string;
}

/** The medians from which a size's times were composed, in milliseconds. */
export interface MeasuredParts {
  readonly size: string;
  readonly rounds: number;
  readonly embedding: number;
  readonly headSlice: number;
  /** How many times the whole head is as large as its slice. */
  readonly headSlices: number;
  readonly norms: readonly {
    readonly norm: string;
    /** One block, its two norms included. */
    readonly block: number;
    readonly finalNorm: number;
  }[];
}

/** The names under which a model's parts are timed. */
export const partNames = {
  embedding: 'embedding',
  head: 'head',
  block: (kind: string) => `block ${kind}`,
  finalNorm: (kind: string) => `final norm ${kind}`,
};

/** The time of the whole model with each norm, from the parts' timings. */
export function shareOf(
  size: GptSize,
  kinds: readonly NormKind[],
  { batch, tokens }: PassShape,
  composition: Composition,
  timings: Timings,
): TimeShare {
  const total = (kind: string) =>
    composeSeconds(
      {
        embedding: secondsOf(timings, partNames.embedding),
        embeddingAndBlock: secondsOf(timings, partNames.block(kind)),
        finalNorm: secondsOf(timings, partNames.finalNorm(kind)),
        noFinalNorm: secondsOf(timings, partNames.finalNorm('none')),
        headSlice: secondsOf(timings, partNames.head),
      },
      composition,
    );
  const withLayerNorm = total(baseline);
  return {
    size: size.name,
    layers: size.layers,
    hiddenSize: size.hiddenSize,
    batch,
    tokens,
    norms: kinds.map(({ id }) => {
      const seconds = total(id);
      const random = createRandom(`bench shares ${size.name} ${id}`);
      const { ratio, ci } = ratioOfPairs(seconds, withLayerNorm, { random });
      return { norm: id, milliseconds: 1e3 * median(seconds), relativeToLayerNorm: ratio, ci: [ci.low, ci.high] };
    }),
    normShare: savedShare(withLayerNorm, total('none'), createRandom(`bench shares ${size.name} share`)),
    composed: describeComposition(composition),
  };
}

/** What was measured of a size. */
export function partsOf(
  size: GptSize,
  kinds: readonly NormKind[],
  { headSlices }: Composition,
  timings: Timings,
): MeasuredParts {
  const milliseconds = (name: string) => 1e3 * median(secondsOf(timings, name));
  const embedding = milliseconds(partNames.embedding);
  const noFinalNorm = milliseconds(partNames.finalNorm('none'));
  return {
    size: size.name,
    rounds: timings.rounds,
    embedding,
    headSlice: milliseconds(partNames.head),
    headSlices,
    norms: kinds.map(({ id }) => ({
      norm: id,
      block: milliseconds(partNames.block(id)) - embedding,
      finalNorm: milliseconds(partNames.finalNorm(id)) - noFinalNorm,
    })),
  };
}
