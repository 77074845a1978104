import type { Range } from '../../checkpoint/index.ts';
import { sizeOf } from '../../core/shape.ts';
import { type DecoderSpec, decoderParameters, type Piece } from '../../models/index.ts';
import type { InputIds } from './decoder.ts';

/** A step in which a decoder is computed: a piece of it with what is in memory of its parameters. */
export interface Stage {
  readonly piece: Piece;
  /** Of `logits`: the ids for which they are computed. */
  readonly ids?: Range | undefined;
}

/** A parameter, or the part of its rows (of a vector's entries) that a stage uses. */
export interface NarrowedParameter {
  readonly name: string;
  /** Of what is used. */
  readonly shape: readonly number[];
  /** What is used, in order; all of it where they are absent. */
  readonly ranges?: readonly Range[] | undefined;
}

/** Entries of the head that are in memory at once, 32 MiB as float64, and logits of a run. */
export const headElements = 2 ** 22;
const logitElements = 2 ** 20;

/** The stages of decoders of a vocabulary, hidden size and number of layers, in order. */
export function stagesOf({ vocabularySize, hiddenSize, numLayers }: DecoderSpec, inputIds: InputIds): readonly Stage[] {
  const positions = inputIds.flat().length;
  const idsAtOnce = Math.max(1, Math.floor(Math.min(headElements / hiddenSize, logitElements / positions)));
  return [
    { piece: { kind: 'embedding' } },
    ...Array.from({ length: numLayers }, (_, layer): Stage => ({ piece: { kind: 'block', layer } })),
    { piece: { kind: 'end' } },
    ...Array.from({ length: Math.ceil(vocabularySize / idsAtOnce) }, (_, i): Stage => {
      const start = i * idsAtOnce;
      return { piece: { kind: 'logits' }, ids: { start, end: Math.min(vocabularySize, start + idsAtOnce) } };
    }),
  ];
}

/** The different ids that occur, in order: the rows of the token embedding that are read. */
export function usedIds(inputIds: InputIds): readonly number[] {
  return [...new Set(inputIds.flat())].sort((a, b) => a - b);
}

/** What a stage uses of the parameters of a decoder with a head of its own. */
export function parametersOf(
  spec: DecoderSpec,
  { piece, ids }: Stage,
  inputIds: InputIds,
): readonly NarrowedParameter[] {
  const all = decoderParameters(spec);
  const starting = (...prefixes: readonly string[]): readonly NarrowedParameter[] =>
    all.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
  const narrowed = ({ name, shape }: NarrowedParameter, ranges: readonly Range[]): NarrowedParameter => {
    const rows = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
    return { name, shape: [rows, ...shape.slice(1)], ranges };
  };
  switch (piece.kind) {
    case 'embedding':
      return starting('embedding.').map((parameter) => {
        if (parameter.name === 'embedding.token.weight') {
          return narrowed(
            parameter,
            usedIds(inputIds).map((id) => ({ start: id, end: id + 1 })),
          );
        }
        if (parameter.name !== 'embedding.position.weight' || spec.positions.kind !== 'learned') return parameter;
        return narrowed(parameter, [{ start: 0, end: (spec.positions.offset ?? 0) + (inputIds[0]?.length ?? 0) }]);
      });
    case 'block':
      return starting(`blocks.${piece.layer}.`);
    case 'end':
      return starting('final_norm.', 'head.projection.');
    case 'logits':
      return starting('head.weight', 'head.bias').map((parameter) =>
        narrowed(parameter, ids === undefined ? [] : [ids]),
      );
  }
}

/** How many numbers a stage uses. */
export function stageElements(parameters: readonly NarrowedParameter[]): number {
  return parameters.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
