import { openSafetensors } from '../../../checkpoint/index.ts';
import { isFloat } from '../../../core/dtype.ts';
import { InputError, InterruptedError, messageOf, RefusalError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import { createRandom } from '../../../core/random.ts';
import { roundTo } from '../../../core/rounding.ts';
import { formatShape, sizeOf } from '../../../core/shape.ts';
import { elementTypeOf, type OnnxModel, type OnnxValueInfo, type Value } from '../../../graph/index.ts';
import { boundDims, type DimSizes, sizedShape, sizesToTry } from './dims.ts';
import type { Values } from './engine.ts';
import { tableRows } from './indices.ts';

/** On what to compare. */
export interface OnnxInputsOptions {
  /** Of the random numbers. Default 0. */
  readonly seed?: number | undefined;
  /** A safetensors file with values for some or all of the inputs, by their names. */
  readonly file?: string | undefined;
}

export interface OnnxInputs {
  readonly values: Values;
  /** What each input holds, in a few words, by name. */
  readonly contents: ReadonlyMap<string, string>;
}

/**
 * Makes values for a model's inputs, and looks for sizes with which the model runs.
 *
 * Floats are standard normal, rounded to the input's type. Integers that pick rows of a table are random rows of it; those
 * whose name speaks of a mask are ones, of positions 0, 1, 2 …; all others are 0 or 1. Dimensions without a length get one
 * by their names: batch 2, sequences 16, pasts 4; where the model does not run with that, others are tried.
 * @param tryOut rejects where the model can't be run on the values
 * @throws InputError where nothing does
 */
export async function makeOnnxInputs<T>(
  model: OnnxModel,
  { seed = 0, file }: OnnxInputsOptions,
  tryOut: (inputs: OnnxInputs) => Promise<T>,
): Promise<{ readonly inputs: OnnxInputs; readonly result: T }> {
  const initialized = new Set(model.graph.initializers.map(({ name }) => name));
  const infos = model.graph.inputs.filter(({ name }) => !initialized.has(name));
  const given = file === undefined ? new Map<string, Value>() : await readGiven(file, infos);
  const bound = boundDims(infos.flatMap(({ name, shape }) => shapePair(shape, given.get(name))));
  const rows = tableRows(
    model.graph,
    infos.map(({ name }) => name),
  );
  let first: unknown;
  for (const sizes of sizesToTry) {
    const made = infos.map(
      (info) => [info.name, given.get(info.name), make(info, { sizes, bound, rows, seed })] as const,
    );
    const inputs = {
      values: new Map(made.map(([name, own, { value }]) => [name, own ?? value])),
      contents: new Map(made.map(([name, own, { content }]) => [name, own === undefined ? content : 'given'])),
    };
    try {
      return { inputs, result: await tryOut(inputs) };
    } catch (error) {
      // These are no matter of the sizes.
      if (error instanceof RefusalError || error instanceof InterruptedError) throw error;
      first ??= error;
    }
  }
  throw new InputError(
    `the model ran on no inputs that were made for it (${messageOf(first).split('\n')[0]}); give some in a safetensors file with --inputs`,
    { cause: first },
  );
}

function shapePair(declared: OnnxValueInfo['shape'], value: Value | undefined) {
  return value === undefined ? [] : [[declared, value.shape] as const];
}

interface Making {
  readonly sizes: DimSizes;
  readonly bound: ReadonlyMap<string, number>;
  readonly rows: ReadonlyMap<string, number>;
  readonly seed: number;
}

function make({ name, dtype, shape: declared }: OnnxValueInfo, { sizes, bound, rows, seed }: Making) {
  const random = createRandom(seed).split('certificate inputs').split(name);
  const shape = sizedShape(declared, sizes, bound);
  const width = shape.at(-1) ?? 1;
  const filled = (content: string, entry: (i: number) => number) => ({
    content,
    value: {
      dtype: elementTypeOf(dtype),
      shape,
      data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => entry(i)),
    },
  });
  if (/mask/i.test(name)) return filled('ones', () => 1);
  if (isFloat(dtype)) return filled('random', () => roundTo(random.normal(), dtype));
  if (dtype === 'bool') return filled('zeros', () => 0);
  const below = rows.get(name);
  if (/position/i.test(name)) {
    // After what was computed before, where the table has room for that.
    const past = below !== undefined && sizes.past + width > below ? 0 : sizes.past;
    return filled('positions', (i) => (i % width) + past);
  }
  return filled('random', () => random.integer(below ?? 2));
}

async function readGiven(file: string, infos: readonly OnnxValueInfo[]): Promise<Map<string, Value>> {
  const tensors = await openSafetensors(file);
  try {
    const values = new Map<string, Value>();
    for (const { name, dtype, shape } of tensors.tensors.values()) {
      const info = infos.find((input) => input.name === name);
      if (info === undefined) continue;
      const fits =
        elementTypeOf(dtype) === elementTypeOf(info.dtype) &&
        shape.length === info.shape.length &&
        info.shape.every((dim, axis) => typeof dim === 'string' || dim === shape[axis]);
      if (!fits) {
        throw new InputError(
          `${file}: ${quote(name)} is ${dtype} ${formatShape(shape)}, expected ${info.dtype} ${formatShape(info.shape)}`,
        );
      }
      const read = await tensors.readFloat64(name);
      const { dtype: own } = info;
      values.set(name, {
        dtype: elementTypeOf(own),
        shape,
        data: isFloat(own) ? read.map((x) => roundTo(x, own)) : read,
      });
    }
    if (values.size > 0) return values;
  } finally {
    await tensors.close();
  }
  const names = infos.map(({ name }) => quote(name)).join(', ');
  throw new InputError(`${file}: has none of the model's inputs ${names}`);
}
