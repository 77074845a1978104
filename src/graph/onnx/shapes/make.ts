import type { Dim } from '../../../core/shape.ts';
import { maxRank, type ShapeRule } from './context.ts';

const shapeOf: ShapeRule = ({ shape, int, fresh }) => {
  const from = shape(0);
  if (from === undefined) return [{ shape: [fresh()] }];
  const dims = from.slice(int('start') ?? 0, int('end') ?? from.length);
  return [{ shape: [dims.length], contents: dims }];
};

const constantOfShape: ShapeRule = ({ node, contents, shape }) => {
  const dims = contents(0);
  if (dims === undefined) {
    const [rank] = shape(0) ?? [];
    return rank === 0 ? [{ shape: [] }] : [];
  }
  const [length = 1] = dims;
  const value = node.attributes?.value;
  const filled = value?.kind === 'tensor' && value.value.dtype === 'int64' ? firstInt64(value.value.data) : undefined;
  if (dims.length > 1 || typeof length !== 'number' || length > maxRank || filled === undefined)
    return [{ shape: dims }];
  return [{ shape: dims, contents: Array.from({ length: Math.max(0, length) }, () => filled) }];
};

function firstInt64(data: Uint8Array): number {
  return Number(new DataView(data.buffer, data.byteOffset, data.byteLength).getBigInt64(0, true));
}

const range: ShapeRule = ({ contents, fresh }) => {
  const [start, end, step] = [0, 1, 2].map((input) => contents(input)?.[0]);
  // Counting to a length gives that length.
  const length: Dim = start === 0 && step === 1 && end !== undefined ? end : fresh();
  return [{ shape: [length] }];
};

/** Ops whose outputs are new values, not new arrangements of their inputs'. */
export const makingShapes: Readonly<Record<string, ShapeRule>> = {
  Shape: shapeOf,
  Size: () => [{ shape: [] }],
  ConstantOfShape: constantOfShape,
  Range: range,
  NonZero: ({ shape, fresh }) => [{ shape: [shape(0)?.length ?? fresh(), fresh()] }],
  EmbedLayerNormalization: ({ shape }) => {
    const [ids, table] = [shape(0), shape(2)];
    const width = table?.[1];
    return ids === undefined || width === undefined ? [] : [{ shape: [...ids, width] }];
  },
};
