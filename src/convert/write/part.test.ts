import { describe, expect, test } from 'vitest';
import { byteSizes, type FloatDType, floatDTypes } from '../../core/dtype.ts';
import { decodeFloat64, encode } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import { createRandom } from '../../core/random.ts';
import { createKernel } from '../kernel/kernel.ts';
import { kernelMatrix } from '../kernel/matrix.ts';
import { matrixOf, type RowMatrix, transpose } from '../rules/matrix.ts';
import type { TensorRule } from '../rules/plan.ts';
import type { Parameters, Step } from '../rules/steps.ts';
import type { OutputTensor } from './layout.ts';
import { outputPart } from './part.ts';

const [rows, columns] = [23, 37];

/** A matrix as a file stores it. */
function storedMatrix(values: Float64Array, width: number, dtype: FloatDType): RowMatrix {
  const bytes = encode(values, dtype);
  const matrix = matrixOf(decodeFloat64(bytes, dtype), width);
  const rowBytes = width * byteSizes[dtype];
  return {
    ...matrix,
    stored: { dtype, read: async ({ start, end }) => bytes.slice(start * rowBytes, end * rowBytes) },
  };
}

function parametersOf(dtype: FloatDType, poison?: number): Parameters {
  const random = createRandom(1);
  const draw = (length: number) => Float64Array.from({ length }, () => 0.3 * random.normal() + 0.1);
  const weights = draw(rows * columns);
  if (poison !== undefined) weights[5 * columns + 4] = poison;
  const matrices = new Map([
    ['weight', storedMatrix(weights, columns, dtype)],
    ['turned', transpose(storedMatrix(draw(rows * columns), rows, dtype))],
    ['bias', storedMatrix(draw(rows), rows, dtype)],
    ['gain', storedMatrix(draw(columns), columns, 'float32')],
  ]);
  return (name) => {
    const matrix = matrices.get(name);
    if (matrix === undefined) throw new Error(name);
    return matrix;
  };
}

const fold: readonly Step[] = [
  { kind: 'scaleColumns', by: 'gain', offset: 1 },
  { kind: 'subtractLastColumn' },
  { kind: 'dropLastColumn' },
];

const cases: readonly (Pick<TensorRule, 'name' | 'steps' | 'keepSums'> & { readonly transposed?: boolean })[] = [
  { name: 'weight', steps: [] },
  { name: 'weight', steps: [{ kind: 'centreRows' }] },
  { name: 'weight', steps: [{ kind: 'centreColumns' }] },
  { name: 'weight', steps: [{ kind: 'centreColumns' }, { kind: 'dropLastRow' }], keepSums: 'ofColumns' },
  { name: 'weight', steps: [{ kind: 'centreRows' }, { kind: 'dropLastColumn' }], keepSums: 'ofRows' },
  { name: 'weight', steps: fold },
  { name: 'weight', steps: [...fold, { kind: 'centreColumns' }] },
  { name: 'weight', steps: [{ kind: 'addConstant', value: -1 }] },
  { name: 'bias', steps: [{ kind: 'centreRows' }] },
  { name: 'bias', steps: [{ kind: 'addProduct', weight: 'weight', vector: 'gain' }] },
  { name: 'bias', steps: [{ kind: 'addProduct', weight: 'turned', vector: 'gain' }] },
  { name: 'turned', steps: [], transposed: true },
  { name: 'turned', steps: [{ kind: 'centreColumns' }], transposed: true },
];

function tensorOf({ transposed = false, ...made }: (typeof cases)[number], dtype: FloatDType): OutputTensor {
  let shape = made.name === 'bias' ? [1, rows] : [rows, columns];
  for (const { kind } of made.steps) {
    const [height = 0, width = 0] = shape;
    if (kind === 'dropLastRow') shape = [height - 1, width];
    if (kind === 'dropLastColumn') shape = [height, width - 1];
  }
  const rule: TensorRule = { ...made, from: 'source', shape: made.name === 'bias' ? [rows] : shape };
  return { name: 'tensor', rule, transposed, within: undefined, dtype, file: 'file' };
}

async function bytesOf(...[tensor, parameters, options]: ArgumentsOf<typeof outputPart>): Promise<Buffer> {
  const part = outputPart(tensor, parameters, options);
  const blocks = [];
  for (const block of part.blocks) {
    const bytes = new Uint8Array((block.end - block.start) * part.columns * byteSizes[tensor.dtype]);
    await part.compute(block, bytes);
    blocks.push(bytes);
  }
  return Buffer.concat(blocks);
}

type ArgumentsOf<F extends (...given: never[]) => unknown> = F extends (...given: infer P) => unknown ? P : never;

describe.each(floatDTypes)('from %s', (source) => {
  const parameters = parametersOf(source);
  const kernel = createKernel();

  test.each(cases)('$name with steps $steps.0.kind … ($keepSums) has the bytes of plain arithmetic', async (made) => {
    for (const dtype of floatDTypes) {
      const tensor = tensorOf(made, dtype);
      expect(kernelMatrix(kernel, tensor.rule, tensor.transposed, parameters)).toBeDefined();
      const expected = await bytesOf(tensor, parameters);
      expect(expected.length).toBeGreaterThan(0);
      for (const maxElements of [100, 400, 2 ** 22]) {
        expect(Buffer.compare(await bytesOf(tensor, parameters, { kernel, maxElements }), expected)).toBe(0);
      }
    }
  });
});

test.each([
  [
    'float32',
    'float32',
    Number.NaN,
    /NaN can't be stored as float32; the source holds a value that is no finite number/,
  ],
  ['bfloat16', 'bfloat16', Number.POSITIVE_INFINITY, /Infinity can't be stored as bfloat16; the source/],
  ['float32', 'float16', 70000, /^tensor: 70000 can't be stored as float16; choose a wider --dtype/],
  ['float64', 'bfloat16', -1e300, /-1e\+300 can't be stored as bfloat16; choose a wider --dtype/],
] as const)('of %s stored as %s, %s is refused', async (source, dtype, poison, message) => {
  const parameters = parametersOf(source, poison);
  const tensor = tensorOf({ name: 'weight', steps: [] }, dtype);
  for (const kernel of [undefined, createKernel()]) {
    const refused = bytesOf(tensor, parameters, { kernel });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(message);
  }
});

test('what a kept sum carries beyond the largest number is refused, not stored as infinity', async () => {
  const parameters = parametersOf('float64');
  const big: Parameters = (name) => ({
    ...parameters(name),
    ...storedMatrix(new Float64Array(rows * columns).fill(65519), columns, 'float64'),
  });
  const made = tensorOf({ name: 'weight', steps: [{ kind: 'dropLastRow' }], keepSums: 'ofColumns' }, 'float16');
  for (const kernel of [undefined, createKernel()]) {
    const refused = bytesOf(made, big, { kernel });
    await expect(refused).rejects.toThrow(InputError);
    await expect(refused).rejects.toThrow(/^tensor: .* can't be stored as float16; choose a wider --dtype$/);
  }
});
