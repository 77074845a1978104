import { onnxTypeCodes } from '../onnx/dtypes.ts';
import { applySingle, at, constant, type ElementType, normalizeAxis, type Op, type Tensor } from '../tensor.ts';

const positionsOp: Op<{ readonly axis: number }> = {
  name: 'positions',
  infer: ([x], { axis }) => [{ dtype: 'int', shape: [at(x?.shape ?? [], axis, 'positions')] }],
  evaluate(inputs, { axis }) {
    const length = at(at(inputs, 0, 'positions').shape, axis, 'positions');
    return [{ dtype: 'int', shape: [length], data: Float64Array.from({ length }, (_, i) => i) }];
  },
  emit(context, inputs, { axis }) {
    const [length] = context.add('Shape', inputs, { start: axis, end: axis + 1 });
    const [scalar] = context.add('Squeeze', [length]);
    return context.add('Range', [context.int(0), scalar, context.int(1)]);
  },
};

const castOp: Op<{ readonly dtype: ElementType }> = {
  name: 'cast',
  infer: (inputs, { dtype }) => [{ dtype, shape: at(inputs, 0, 'cast').shape }],
  evaluate(inputs, { dtype }) {
    const x = at(inputs, 0, 'cast');
    if (dtype === 'float') return [{ ...x, dtype }];
    return [
      { dtype, shape: x.shape, data: x.data.map(dtype === 'int' ? Math.trunc : (value) => (value !== 0 ? 1 : 0)) },
    ];
  },
  emit(context, inputs, { dtype }) {
    const to = { float: context.floatType, int: 'int64', bool: 'bool' } as const;
    return context.add('Cast', inputs, { to: onnxTypeCodes[to[dtype]] });
  },
};

export const positionsOps = { positions: positionsOp, cast: castOp };

/** 0, 1, … along an axis of a tensor, as int `[length]`; works for axes whose length is known only at run time. */
export function positions(x: Tensor, axis: number): Tensor {
  const normalized = normalizeAxis(axis, x.shape.length, 'positions');
  const length = at(x.shape, normalized, 'positions');
  return typeof length === 'number'
    ? constant(
        Float64Array.from({ length }, (_, i) => i),
        [length],
        'int',
      )
    : applySingle(positionsOp, [x], { axis: normalized });
}

/** Changes the element type; float to int truncates. Gradients don't pass through. */
export const cast = (x: Tensor, dtype: ElementType): Tensor =>
  x.dtype === dtype ? x : applySingle(castOp, [x], { dtype });
