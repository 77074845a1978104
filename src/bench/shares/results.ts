import { median } from '../../core/statistics/index.ts';
import type { NormKind } from '../../norms/index.ts';
import { secondsOf, type Timings } from '../interleave.ts';
import { baseline } from '../options.ts';
import { type Composition, composeSeconds, describeComposition, ratioOverReplicates } from './compose.ts';
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
  const totals = new Map(
    kinds.map(({ id }) => [id, replicates.map((timings) => totalSeconds(timings, id, composition))] as const),
  );
  const relative = (kind: string) => {
    const reference = totals.get(baseline) ?? [];
    return ratioOverReplicates((totals.get(kind) ?? []).map((own, i) => [own, reference[i] ?? own]));
  };
  const without = relative('none');
  return {
    size: size.name,
    layers: size.layers,
    hiddenSize: size.hiddenSize,
    batch,
    tokens,
    norms: kinds.map(({ id }) => {
      const { value, ci } = relative(id);
      const milliseconds = 1e3 * median((totals.get(id) ?? []).map((seconds) => median(seconds)));
      return { norm: id, milliseconds, relativeToLayerNorm: value, ci };
    }),
    normShare: { value: 1 - without.value, ci: [1 - without.ci[1], 1 - without.ci[0]] },
    composed: describeComposition(composition),
  };
}

function totalSeconds(timings: Timings, kind: string, composition: Composition): Float64Array {
  return composeSeconds(
    {
      embedding: secondsOf(timings, partNames.embedding),
      embeddingAndBlock: secondsOf(timings, partNames.block(kind)),
      finalNorm: secondsOf(timings, partNames.finalNorm(kind)),
      noFinalNorm: secondsOf(timings, partNames.finalNorm('none')),
      headSlice: secondsOf(timings, partNames.head),
    },
    composition,
  );
}

/** What was measured of a size. */
export function partsOf(
  size: GptSize,
  kinds: readonly NormKind[],
  { headSlices }: Composition,
  replicates: readonly Timings[],
): MeasuredParts {
  const milliseconds = (name: string) => 1e3 * median(replicates.map((timings) => median(secondsOf(timings, name))));
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
