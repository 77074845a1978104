import type { Dim, Shape } from '../../../core/shape.ts';
import { axesOf, axisOf, broadcast, type ShapeContext, type ShapeRule } from './context.ts';

/** Reductions over several axes, which are an attribute in older operator sets and an input in newer ones. */
const reduction: ShapeRule = (context) => {
  const from = context.shape(0);
  if (from === undefined) return [];
  const axes = axesOf(context, 1, from.length);
  if (axes === undefined) return [];
  const given = axes === 'absent' || axes.length === 0 ? undefined : axes;
  if (given === undefined && context.int('noop_with_empty_axes')) return [{ shape: from }];
  const reduced = (i: number) => given === undefined || given.includes(i);
  const keep = context.int('keepdims') !== 0;
  return [{ shape: keep ? from.map((dim, i) => (reduced(i) ? 1 : dim)) : from.filter((_, i) => !reduced(i)) }];
};

const arg: ShapeRule = ({ shape, int }) => {
  const from = shape(0);
  const axis = from === undefined ? undefined : axisOf(int('axis') ?? 0, from.length);
  if (from === undefined || axis === undefined) return [];
  return [{ shape: int('keepdims') === 0 ? from.filter((_, i) => i !== axis) : from.with(axis, 1) }];
};

const matmul: ShapeRule = ({ shape, int, fresh }) => {
  let [a, b] = [shape(0), shape(1)];
  if (a === undefined || b === undefined || a.length === 0 || b.length === 0) return [];
  if (int('transA')) a = swapped(a);
  if (int('transB')) b = swapped(b);
  const [rows, columns] = [a.length === 1 ? [] : a.slice(-2, -1), b.length === 1 ? [] : b.slice(-1)];
  return [{ shape: [...broadcast([a.slice(0, -2), b.slice(0, -2)], fresh), ...rows, ...columns] }];
};

const gemm: ShapeRule = ({ shape, int }) => {
  const [a, b] = [shape(0), shape(1)];
  const [rows, columns] = [a?.[int('transA') ? 1 : 0], b?.[int('transB') ? 0 : 1]];
  return rows === undefined || columns === undefined ? [] : [{ shape: [rows, columns] }];
};

/** Images: batch and channels are known, the extents of what is slid over are where nothing but numbers goes in. */
function sliding(channels: (context: ShapeContext) => Dim | undefined): ShapeRule {
  return (context) => {
    const from = context.shape(0);
    const [batch] = from ?? [];
    if (from === undefined || batch === undefined) return [];
    const spatial = from.slice(2).map((dim, i) => slidLength(context, dim, i, from.length - 2) ?? context.fresh());
    return [{ shape: [batch, channels(context) ?? context.fresh(), ...spatial] }];
  };
}

function slidLength(context: ShapeContext, dim: Dim, i: number, count: number): number | undefined {
  const { ints, int, node } = context;
  const autoPad = node.attributes?.auto_pad;
  if (autoPad?.kind === 'string' && autoPad.value !== 'NOTSET') return undefined;
  const kernel = ints('kernel_shape')?.[i] ?? context.shape(1)?.[2 + i];
  if (typeof dim !== 'number' || typeof kernel !== 'number' || int('ceil_mode')) return undefined;
  const [stride, dilation] = [ints('strides')?.[i] ?? 1, ints('dilations')?.[i] ?? 1];
  const padding = (ints('pads')?.[i] ?? 0) + (ints('pads')?.[i + count] ?? 0);
  const length = Math.floor((dim + padding - dilation * (kernel - 1) - 1) / stride) + 1;
  return Number.isFinite(length) ? length : undefined;
}

const convTranspose: ShapeRule = ({ shape, int, fresh }) => {
  const [from, weight] = [shape(0), shape(1)];
  const [batch] = from ?? [];
  const perGroup = weight?.[1];
  if (from === undefined || batch === undefined) return [];
  const channels = typeof perGroup === 'number' ? perGroup * (int('group') ?? 1) : fresh();
  return [{ shape: [batch, channels, ...from.slice(2).map(() => fresh())] }];
};

const globalPool: ShapeRule = ({ shape }) => [{ shape: shape(0)?.map((dim, i) => (i < 2 ? dim : 1)) }];

const resize: ShapeRule = (context) => {
  const from = context.shape(0);
  if (from === undefined) return [];
  const sizes = context.node.inputs[3] ? context.contents(3) : undefined;
  const axes = context.ints('axes');
  if (axes !== undefined) return [{ shape: from.map((dim, i) => (axes.includes(i) ? context.fresh() : dim)) }];
  return [{ shape: sizes?.length === from.length ? sizes : from.map(() => context.fresh()) }];
};

function swapped(shape: Shape): Shape {
  const [rows, columns] = shape.slice(-2);
  return rows === undefined || columns === undefined ? shape : [...shape.slice(0, -2), columns, rows];
}

const reductions = `ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
  ReduceSumSquare`.split(/\s+/);

export const reduceShapes: Readonly<Record<string, ShapeRule>> = {
  ...Object.fromEntries(reductions.map((name) => [name, reduction])),
  ArgMax: arg,
  ArgMin: arg,
  MatMul: matmul,
  FusedMatMul: matmul,
  Gemm: gemm,
  Conv: sliding(({ shape }) => shape(1)?.[0]),
  AveragePool: sliding(({ shape }) => shape(0)?.[1]),
  MaxPool: sliding(({ shape }) => shape(0)?.[1]),
  ConvTranspose: convTranspose,
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Resize: resize,
};
