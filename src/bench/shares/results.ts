import type { NormKind } from '../../norms/index.ts';
import { secondsOf, type Timings } from '../interleave.ts';
import { baseline } from '../options.ts';
import { requireRemainder } from '../remainder.ts';
import { medianOverReplicates, ratioOverReplicates } from '../replicates.ts';
import { type Composition, composeSeconds, describeComposition } from './compose.ts';
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
    /** The median over replicates of the median over rounds. */
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
  /** How often the parts were loaded anew, and the rounds over all of these. */
  readonly replicates: number;
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

/** The time of the whole model with each norm, from the parts' timings in each replicate. */
export function shareOf(
  size: GptSize,
  kinds: readonly NormKind[],
  { batch, tokens }: PassShape,
  composition: Composition,
  replicates: readonly Timings[],
): TimeShare {
  const secondsWith = (kind: string) => replicates.map((timings) => totalSeconds(size, timings, kind, composition));
  const withLayerNorm = secondsWith(baseline);
  const relative = (seconds: readonly Float64Array[]) =>
    ratioOverReplicates(withLayerNorm.map((reference, i) => [seconds[i] ?? new Float64Array(0), reference]));
  const without = relative(secondsWith('none'));
  return {
    size: size.name,
    layers: size.layers,
    hiddenSize: size.hiddenSize,
    batch,
    tokens,
    norms: kinds.map(({ id }) => {
      const seconds = secondsWith(id);
      const { ratio, ci } = relative(seconds);
      return { norm: id, milliseconds: 1e3 * medianOverReplicates(seconds), relativeToLayerNorm: ratio, ci };
    }),
    normShare: { value: 1 - without.ratio, ci: [1 - without.ci[1], 1 - without.ci[0]] },
    composed: describeComposition(composition),
  };
}

function totalSeconds(size: GptSize, timings: Timings, kind: string, composition: Composition): Float64Array {
  const seconds = composeSeconds(
    {
      embedding: secondsOf(timings, partNames.embedding),
      embeddingAndBlock: secondsOf(timings, partNames.block(kind)),
      finalNorm: secondsOf(timings, partNames.finalNorm(kind)),
      noFinalNorm: secondsOf(timings, partNames.finalNorm('none')),
      headSlice: secondsOf(timings, partNames.head),
    },
    composition,
  );
  return requireRemainder(seconds, size.name, 'Take more tokens');
}

/** What was measured of a size. */
export function partsOf(
  size: GptSize,
  kinds: readonly NormKind[],
  { headSlices }: Composition,
  replicates: readonly Timings[],
): MeasuredParts {
  const milliseconds = (name: string) =>
    1e3 * medianOverReplicates(replicates.map((timings) => secondsOf(timings, name)));
  const embedding = milliseconds(partNames.embedding);
  const noFinalNorm = milliseconds(partNames.finalNorm('none'));
  return {
    size: size.name,
    replicates: replicates.length,
    rounds: replicates.reduce((total, { rounds }) => total + rounds, 0),
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
