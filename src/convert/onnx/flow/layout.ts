import type { Shape } from '../../../core/shape.ts';
import { axesOf, axisOf, productOfDims, sliceBounds, takesAll } from '../../../graph/index.ts';
import { alignedAxis, type FlowRule, from, stop } from './rule.ts';

const mixes = stop('it mixes the channels with another axis');
const unknown = stop('its shapes are not known');

/** Reshape, Flatten, Squeeze, Unsqueeze: the channels are still an axis where as many elements lie before or after them. */
const reshaped: FlowRule = ({ shape, outputShape, axis, width }) => {
  const input = shape(0);
  if (input === undefined) return unknown;
  const [before, after] = [outputShape.slice(0, axis), outputShape.slice(axis + 1)];
  const found = input.findIndex(
    (dim, i) => dim === width && (sameSize(input.slice(0, i), before) || sameSize(input.slice(i + 1), after)),
  );
  return found < 0 ? mixes : from({ input: 0, axis: found });
};

function sameSize(a: Shape, b: Shape): boolean {
  return productOfDims(a) === productOfDims(b);
}

const transposed: FlowRule = ({ shape, ints, axis }) => {
  const rank = shape(0)?.length;
  if (rank === undefined) return unknown;
  const permutation = ints('perm');
  const found = permutation === undefined ? rank - 1 - axis : permutation[axis];
  return found === undefined ? unknown : from({ input: 0, axis: found });
};

const expanded: FlowRule = (context) => {
  const input = context.shape(0);
  if (input === undefined) return unknown;
  const axis = alignedAxis(context, input);
  return axis !== null && input[axis] === context.width
    ? from({ input: 0, axis })
    : stop('it gives all channels the same value');
};

const concatenated: FlowRule = ({ node, int, outputShape, axis }) =>
  axisOf(int('axis') ?? 0, outputShape.length) === axis
    ? stop('it joins channels')
    : from(...node.inputs.map((_, input) => ({ input, axis })));

const divided: FlowRule = ({ int, outputShape, axis }) =>
  axisOf(int('axis') ?? 0, outputShape.length) === axis ? stop('it splits the channels') : from({ input: 0, axis });

const sliced: FlowRule = (context) => {
  const { outputShape, axis, shape } = context;
  const bounds = sliceBounds(context, outputShape.length);
  if (bounds === undefined) return stop('the axes that it takes a part of are not known');
  const touches = bounds.some((bound) => bound.axis === axis && !takesAll(bound, shape(0)?.[axis]));
  return touches ? stop('it takes a part of the channels') : from({ input: 0, axis });
};

const gathered: FlowRule = ({ shape, int, axis }) => {
  const [table, indices] = [shape(0), shape(1)];
  const along = table === undefined ? undefined : axisOf(int('axis') ?? 0, table.length);
  if (indices === undefined || along === undefined) return unknown;
  if (axis < along) return from({ input: 0, axis });
  if (axis >= along + indices.length) return from({ input: 0, axis: axis - indices.length + 1 });
  return stop('it picks from the channels');
};

const gatheredNd: FlowRule = ({ shape, int, outputShape, axis }) => {
  const [table, depth] = [shape(0), shape(1)?.at(-1)];
  if (table === undefined || typeof depth !== 'number') return unknown;
  const kept = table.length - (int('batch_dims') ?? 0) - depth;
  const fromEnd = outputShape.length - axis;
  return fromEnd <= kept ? from({ input: 0, axis: table.length - fromEnd }) : stop('it picks from the channels');
};

/** Whole vectors of channels take the place of others. */
const scattered: FlowRule = ({ shape, node, axis }) => {
  const [indices, updates] = [shape(1), shape(2)];
  const depth = indices?.at(-1);
  const reduction = node.attributes?.reduction;
  if (reduction?.kind === 'string' && !['none', 'add'].includes(reduction.value)) return stop('it is not linear');
  if (indices === undefined || updates === undefined || typeof depth !== 'number') return unknown;
  if (axis < depth) return stop('it changes single channels');
  return from({ input: 0, axis }, { input: 2, axis: axis - depth + indices.length - 1 });
};

const tiled: FlowRule = ({ contents, axis }) =>
  contents(1)?.[axis] === 1 ? from({ input: 0, axis }) : stop('it may repeat the channels');

const padded: FlowRule = ({ node, ints, numbers, outputShape, axis, constant }) => {
  const mode = node.attributes?.mode;
  const value = constant(2);
  const zeros = !node.inputs[2] || (value && 'data' in value && value.data.every((byte) => byte === 0));
  const constantMode = mode === undefined || (mode.kind === 'string' && mode.value === 'constant');
  const old = node.attributes?.value;
  if (constantMode && (!zeros || (old?.kind === 'float' && old.value !== 0))) {
    return stop('it pads with what may not be 0');
  }
  const pads = node.inputs[3] ? undefined : (ints('pads') ?? numbers(1));
  const untouched = pads?.[axis] === 0 && pads[axis + outputShape.length] === 0;
  return untouched ? from({ input: 0, axis }) : stop('it may pad the channels');
};

/** Means and sums over other axes. */
const reduced: FlowRule = (context) => {
  const { shape, int, axis } = context;
  const input = shape(0);
  const axes = input === undefined ? undefined : axesOf(context, 1, input.length);
  if (input === undefined || axes === undefined) return stop('the axes that it reduces are not known');
  if (axes === 'absent' || axes.length === 0) return stop('it reduces the channels');
  const kept = input.map((_, i) => i).filter((i) => int('keepdims') !== 0 || !axes.includes(i));
  const found = kept[axis];
  return found === undefined || axes.includes(found)
    ? stop('it reduces the channels')
    : from({ input: 0, axis: found });
};

const pooled: FlowRule = ({ axis }) => (axis === 1 ? from({ input: 0, axis }) : stop('it pools over the channels'));

/** Interpolation is linear, and the same for each channel where these aren't resized themselves. */
const resized: FlowRule = ({ node, shape, axis, width, outputShape }) => {
  const crop = node.attributes?.coordinate_transformation_mode;
  if (crop?.kind === 'string' && crop.value === 'tf_crop_and_resize') return stop('it may fill in a constant');
  return shape(0)?.[axis] === width && outputShape[axis] === width
    ? from({ input: 0, axis })
    : stop('it may resize the channels');
};

const summedUp: FlowRule = ({ axis, outputShape, numbers }) => {
  const along = axisOf(numbers(1)?.[0] ?? Number.NaN, outputShape.length);
  return along === undefined || along === axis ? stop('it may sum over the channels') : from({ input: 0, axis });
};

export const layoutRules: Readonly<Record<string, FlowRule>> = {
  Reshape: reshaped,
  Flatten: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Transpose: transposed,
  Expand: expanded,
  Concat: concatenated,
  Split: divided,
  Slice: sliced,
  Gather: gathered,
  GatherND: gatheredNd,
  ScatterND: scattered,
  Tile: tiled,
  Pad: padded,
  ReduceMean: reduced,
  ReduceSum: reduced,
  AveragePool: pooled,
  GlobalAveragePool: pooled,
  Resize: resized,
  CumSum: summedUp,
};
