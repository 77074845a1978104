import { median } from '../../core/statistics/index.ts';
import { countParameters, type DecoderSpec, type PositionSpec } from '../../models/index.ts';
import { requireRemainder } from '../remainder.ts';

/** The decoder with its first layers alone, perhaps with none. */
export function withLayers(spec: DecoderSpec, numLayers: number): DecoderSpec {
  const first = <T>(layers: readonly T[]): readonly T[] => layers.slice(0, numLayers);
  const { attention, mlp } = spec;
  return {
    ...spec,
    numLayers,
    positions: positionsOf(spec.positions, first),
    attention: {
      ...attention,
      scales: first(attention.scales),
      ...(attention.windows === undefined ? {} : { windows: first(attention.windows) }),
    },
    mlp:
      mlp.experts?.dense === undefined
        ? mlp
        : {
            ...mlp,
            experts: { ...mlp.experts, dense: { ...mlp.experts.dense, layers: first(mlp.experts.dense.layers) } },
          },
  };
}

function positionsOf(positions: PositionSpec, first: <T>(layers: readonly T[]) => readonly T[]): PositionSpec {
  if (positions.kind !== 'rotary') return positions;
  const { layers, local } = positions;
  return {
    ...positions,
    ...(layers === undefined ? {} : { layers: first(layers) }),
    ...(local === undefined ? {} : { local: { ...local, layers: first(local.layers) } }),
  };
}

/** Symbols of a decoder whose head is hardly there. */
const fewSymbols = 256;

/**
 * The decoders that are run for one of `numLayers` layers: it itself, or where only `measured` of the layers are run,
 * these and none of them with hardly a head, and the whole head without layers.
 */
export function partsOf(spec: DecoderSpec, measured: number): Readonly<Record<string, DecoderSpec>> {
  if (measured === spec.numLayers) return { whole: spec };
  const headless = { ...spec, vocabularySize: Math.min(spec.vocabularySize, fewSymbols) };
  return { layers: withLayers(headless, measured), ends: withLayers(headless, 0), rest: withLayers(spec, 0) };
}

/**
 * The seconds of the whole decoder in every round, from those of its parts:
 * rest + numLayers / measured · (layers − ends). What is short beside the layers enters by its median.
 */
export function wholeSeconds(
  secondsOfPart: (part: string) => Float64Array,
  numLayers: number,
  measured: number,
): Float64Array {
  if (measured === numLayers) return secondsOfPart('whole');
  const ends = median(secondsOfPart('ends'));
  const rest = median(secondsOfPart('rest'));
  const layers = secondsOfPart('layers').map((seconds) => seconds - ends);
  const added = requireRemainder(layers, 'the model', 'Take more tokens');
  return added.map((seconds) => rest + (numLayers / measured) * seconds);
}

/** How many layers of a decoder have at most so many parameters together: at least one, at most all. */
export function measuredLayers(spec: DecoderSpec, parameters: number): number {
  const { numLayers } = spec;
  if (numLayers === 0) return 0;
  const ofLayers = countParameters(spec) - countParameters(withLayers(spec, 0));
  const fitting = Math.floor((parameters * numLayers) / Math.max(1, ofLayers));
  return Math.min(numLayers, Math.max(1, fitting));
}

/** How a time was found, in one sentence, for whoever reads the numbers. */
export function describeDepth(numLayers: number, measured: number): string {
  const rest = 'random weights in float32, batch 1, the logits of the last token';
  if (measured === numLayers) return `All ${numLayers} layers were run, with ${rest}.`;
  return (
    `Composed, not run whole: ${numLayers} / ${measured} × what the first ${measured} of the ${numLayers} layers take, and the embeddings, ` +
    `the final norm and the head; with ${rest}.`
  );
}
