import { type FloatDType, isFloat } from '../../../core/dtype.ts';
import { encode } from '../../../core/encoding.ts';
import { InputError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { roundTo } from '../../../core/rounding.ts';
import { type StaticShape, sizeOf } from '../../../core/shape.ts';
import type { TensorReader } from '../source.ts';
import type { ScaleFactor } from '../trace.ts';
import type { CentredTensor } from './rewrite.ts';

/** Numbers that are in memory at once, a few times over: 4 MiB of float64. */
const blockNumbers = 2 ** 19;

/**
 * A constant without its mean, computed in float64 and not rounded yet, in blocks.
 *
 * Along the axis, entry i of each vector becomes f_i·x_i − mean(f·x). Read by ranges: in memory are a block and, where the
 * axis isn't the last one, a mean for each of the positions behind it. Throws InputError for what isn't finite.
 */
export async function* centredValues(
  { source, treatment }: CentredTensor,
  reader: TensorReader,
): AsyncGenerator<Float64Array> {
  const { axis, width, scale } = treatment;
  const { shape } = source;
  const total = sizeOf(shape);
  if (total === 0) return;
  if (axis === null || shape[axis] !== width) {
    // One number for all channels is all mean.
    for (let at = 0; at < total; at += blockNumbers) yield new Float64Array(Math.min(blockNumbers, total - at));
    return;
  }
  const factors = await factorsOf(scale, width, reader);
  const inner = sizeOf(shape.slice(axis + 1));
  const read = (start: number, count: number) => reader.read(source, start, count);
  if (inner === 1) yield* centredRows(read, total / width, width, factors);
  else yield* centredColumns(read, shape.slice(0, axis), width, inner, factors);
}

type Read = (start: number, count: number) => Promise<Float64Array>;

async function* centredRows(read: Read, rows: number, width: number, factors: Float64Array | undefined) {
  const rowsAtOnce = Math.max(1, Math.floor(blockNumbers / width));
  for (let row = 0; row < rows; row += rowsAtOnce) {
    const values = await read(row * width, Math.min(rowsAtOnce, rows - row) * width);
    for (let start = 0; start < values.length; start += width) {
      let sum = 0;
      for (let i = 0; i < width; i++) {
        const value = (values[start + i] as number) * (factors?.[i] ?? 1);
        values[start + i] = value;
        sum += value;
      }
      const mean = sum / width;
      for (let i = 0; i < width; i++) values[start + i] = (values[start + i] as number) - mean;
    }
    yield values;
  }
}

/** The means of the columns of each matrix first, then the matrix once more without them. */
async function* centredColumns(
  read: Read,
  outer: StaticShape,
  width: number,
  inner: number,
  factors: Float64Array | undefined,
) {
  const rowsAtOnce = Math.max(1, Math.floor(blockNumbers / inner));
  for (let matrix = 0; matrix < sizeOf(outer); matrix++) {
    const means = new Float64Array(inner);
    const blocks = async function* () {
      for (let row = 0; row < width; row += rowsAtOnce) {
        const rows = Math.min(rowsAtOnce, width - row);
        const values = await read((matrix * width + row) * inner, rows * inner);
        for (let i = 0; i < values.length; i++) {
          values[i] = (values[i] as number) * (factors?.[row + Math.floor(i / inner)] ?? 1);
        }
        yield values;
      }
    };
    for await (const values of blocks()) {
      for (let i = 0; i < values.length; i++) means[i % inner] = (means[i % inner] as number) + (values[i] as number);
    }
    for (let i = 0; i < inner; i++) means[i] = (means[i] as number) / width;
    for await (const values of blocks()) {
      for (let i = 0; i < values.length; i++) values[i] = (values[i] as number) - (means[i % inner] as number);
      yield values;
    }
  }
}

/** The product of the factors of each channel; undefined where there are none. */
async function factorsOf(
  scale: readonly ScaleFactor[],
  width: number,
  reader: TensorReader,
): Promise<Float64Array | undefined> {
  if (scale.length === 0) return undefined;
  const factors = new Float64Array(width).fill(1);
  for (const { constant, inverse } of scale) {
    const values = await reader.readConstant(constant);
    for (let i = 0; i < width; i++) {
      const value = values[i] ?? Number.NaN;
      factors[i] = (factors[i] ?? 1) * (inverse ? 1 / value : value);
    }
  }
  return factors;
}

/** The bytes of a centred tensor, each number rounded once, to nearest. Throws InputError for what its type can't hold. */
export async function* centredBytes(tensor: CentredTensor, reader: TensorReader): AsyncGenerator<Uint8Array> {
  const { name, dtype } = tensor.source;
  if (!isFloat(dtype)) throw new Error(`onnx: ${name} holds no floats`);
  for await (const values of centredValues(tensor, reader)) {
    checkRange(values, dtype, name);
    yield encode(values, dtype);
  }
}

function checkRange(values: Float64Array, dtype: FloatDType, name: string): void {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest || Number.isNaN(size)) largest = size;
    if (Number.isNaN(largest)) break;
  }
  if (Number.isFinite(roundTo(largest, dtype))) return;
  throw new InputError(
    `initializer ${quote(name)}: without its mean it has a value of ${largest}, which ${dtype} can't hold. Is the model damaged?`,
  );
}
