import type { Range } from '../../checkpoint/index.ts';
import { byteSizes, type FloatDType } from '../../core/dtype.ts';
import { decodeFloat64, encode } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import { firstBeyond } from '../../core/finite.ts';
import { type Kernel, kernelDTypes } from '../kernel/kernel.ts';
import { type KernelMatrix, kernelBlocks, kernelMatrix, overTiles, place, readInto } from '../kernel/matrix.ts';
import { applyRule } from '../rules/apply.ts';
import { blocksOf, type RowMatrix } from '../rules/matrix.ts';
import type { Parameters } from '../rules/steps.ts';
import type { OutputTensor } from './layout.ts';
import { keptSums, type Rounding, roundingOf } from './rounding.ts';
import { putTransposed } from './transposed.ts';

/** A tensor of the output, or its part of one, as it is computed: block by block. */
export interface OutputPart {
  /** In order, all rows. */
  readonly blocks: readonly Range[];
  readonly columns: number;
  /** Whether its blocks must be computed in order, one after the other, by whoever began. */
  readonly isSequential: boolean;
  /** The rows of a block, as they will be stored, into memory of their size. Throws InputError for a value that their type can't hold. */
  compute(block: Range, into: Uint8Array): Promise<void>;
}

export interface PartOptions {
  /** Does what it can; without one, or where it can't, plain arithmetic gives the same bytes. */
  readonly kernel?: Kernel | undefined;
  /** What is in memory at once where a matrix is transposed. */
  readonly maxElements?: number | undefined;
}

/** Nothing is read before something is computed. */
export function outputPart(tensor: OutputTensor, parameters: Parameters, options: PartOptions = {}): OutputPart {
  const { kernel, maxElements = 2 ** 22 } = options;
  const plain = plainPart(tensor, parameters, maxElements);
  if (kernel === undefined) return plain;
  const matrix = kernelMatrix(kernel, tensor.rule, tensor.transposed, parameters);
  return matrix === undefined ? plain : kernelPart(kernel, matrix, tensor, maxElements);
}

/** Steps that need no more than the rows themselves and some vectors. */
const rowwise: ReadonlySet<string> = new Set([
  'centreRows',
  'addConstant',
  'scaleColumns',
  'subtractLastColumn',
  'dropLastColumn',
  'dropLastRow',
  'orderHeads',
  'scale',
  'dropFirstRows',
]);

/** Small enough for a processor's cache. */
const computedElements = 2 ** 18;

function plainPart(tensor: OutputTensor, parameters: Parameters, maxElements: number): OutputPart {
  const { rule, transposed, dtype } = tensor;
  const canonical = applyRule(rule, parameters, maxElements);
  if (transposed && canonical.transposeOf === undefined) return transposedPart(tensor, canonical, maxElements);
  const matrix = canonical.transposeOf !== undefined && transposed ? canonical.transposeOf : canonical;
  // Encoding rounds to nearest by itself.
  const round = rule.keepSums && roundingOf(rule, dtype, matrix.columns, transposed);
  return {
    blocks: [...blocksOf(matrix, matrix.needsAll ? maxElements : Math.min(maxElements, computedElements))],
    columns: matrix.columns,
    isSequential: round !== undefined || !isRowwise(tensor),
    async compute(block, into) {
      into.set(encoded(await matrix.read(block), tensor, round));
    },
  };
}

/** Values as they will be stored. */
function encoded(values: Float64Array, tensor: OutputTensor, round: Rounding | undefined): Uint8Array<ArrayBuffer> {
  checkRange(values, tensor);
  if (!round) return encode(values, tensor.dtype);
  const rounded = round(values);
  checkRange(rounded, tensor, 'with what rounding carries on, a value');
  return encode(rounded, tensor.dtype);
}

function isRowwise({ rule }: OutputTensor): boolean {
  return rule.steps.every(({ kind }) => rowwise.has(kind));
}

/** How many times `maxElements` of 8 bytes the bytes of some rows of a transpose may take: the more, the fewer passes. */
const transposedShare = 2;

/** The transpose of a matrix that is read row by row: some of its rows in each pass, as they will be stored. */
function transposedPart(tensor: OutputTensor, canonical: RowMatrix, maxElements: number): OutputPart {
  const { rule, dtype } = tensor;
  const { rows, columns } = canonical;
  const mostElements = (transposedShare * maxElements * byteSizes.float64) / byteSizes[dtype];
  const passElements = canonical.needsAll ? maxElements : Math.min(maxElements, computedElements);
  return {
    blocks: [...blocksOf({ rows: columns, columns: rows }, mostElements)],
    columns: rows,
    isSequential: !isRowwise(tensor),
    async compute(block, into) {
      // Every pass begins with the first row, as what rounding carries from row to row does.
      const round = rule.keepSums && roundingOf(rule, dtype, columns);
      for (const pass of blocksOf(canonical, passElements)) {
        const bytes = encoded(await canonical.read(pass), tensor, round);
        putTransposed(bytes, { dtype, columns, pass }, into, { rows, block });
      }
    },
  };
}

function kernelPart(kernel: Kernel, matrix: KernelMatrix, tensor: OutputTensor, maxElements: number): OutputPart {
  const { rule, transposed, dtype } = tensor;
  const sums = keptSums(rule, transposed);
  return {
    blocks: [...kernelBlocks(matrix, dtype, maxElements)],
    columns: matrix.columns,
    isSequential: sums !== undefined || matrix.steps.some(({ passes }) => passes),
    compute:
      matrix.steps.length === 0 && matrix.source.dtype === dtype
        ? (block, into) => copy(kernel, matrix, tensor, block, into)
        : rewriting(kernel, matrix, tensor, sums),
  };
}

async function copy(
  kernel: Kernel,
  { source }: KernelMatrix,
  tensor: OutputTensor,
  block: Range,
  into: Uint8Array,
): Promise<void> {
  const count = (block.end - block.start) * source.columns;
  kernel.reset();
  const at = kernel.allocate(count * byteSizes[source.dtype]);
  const bytes = await readInto(kernel, source, block, at);
  if (!kernel.allFinite(kernelDTypes[source.dtype], at, count)) {
    checkRange(decodeFloat64(bytes, source.dtype), tensor);
  }
  into.set(bytes);
}

function rewriting(
  kernel: Kernel,
  matrix: KernelMatrix,
  tensor: OutputTensor,
  sums: 'ofRows' | 'ofColumns' | undefined,
): OutputPart['compute'] {
  const { dtype } = tensor;
  const code = kernelDTypes[dtype];
  const carried = new Float64Array(matrix.columns);
  return async (block, into) => {
    let output = 0;
    let carry = 0;
    await overTiles(kernel, matrix, block, () => {
      output = kernel.allocate(into.byteLength);
      if (sums !== undefined) carry = place(kernel, carried);
      let to = output;
      return ({ at, rows, columns }) => {
        const count = rows * columns;
        const isStored =
          sums === undefined
            ? kernel.encode(code, at, to, count)
            : kernel.encodeKeepingSums(code, at, to, rows, columns, carry, sums === 'ofRows' ? 1 : 0);
        if (!isStored) checkRange(kernel.values(at, count), tensor);
        to += count * byteSizes[dtype];
      };
    });
    if (sums !== undefined) carried.set(kernel.values(carry, carried.length));
    into.set(kernel.bytes(output, into.byteLength));
  };
}

/** The least magnitudes that round to infinity: half a step above the largest finite number. */
const overflow: Readonly<Record<FloatDType, number>> = {
  float64: Number.POSITIVE_INFINITY,
  float32: (2 - 2 ** -24) * 2 ** 127,
  bfloat16: (2 - 2 ** -8) * 2 ** 127,
  float16: 65520,
};

function checkRange(values: Float64Array, { name, dtype }: OutputTensor, what?: string): void {
  const bad = firstBeyond(values, overflow[dtype]);
  if (bad === undefined) return;
  const isWide = what !== undefined || Number.isFinite(bad);
  const advice = isWide ? 'choose a wider --dtype' : 'the source holds a value that is no finite number';
  throw new InputError(`${name}: ${what ?? bad} can't be stored as ${dtype}; ${advice}`);
}
