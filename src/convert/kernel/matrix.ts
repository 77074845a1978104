import type { Range } from '../../checkpoint/index.ts';
import { byteSizes, type FloatDType, isFloat } from '../../core/dtype.ts';
import { blocksOf, once, type RowMatrix, readAll, type StoredRows } from '../rules/matrix.ts';
import type { TensorRule } from '../rules/plan.ts';
import { type Parameters, productOf, type Step } from '../rules/steps.ts';
import { type Kernel, kernelDTypes } from './kernel.ts';

/** Stored rows, and what a kernel does to them. */
export interface KernelMatrix {
  readonly rows: number;
  /** After the steps. */
  readonly columns: number;
  readonly source: StoredRows & { readonly dtype: FloatDType; readonly columns: number };
  readonly steps: readonly KernelStep[];
}

/** Rows as float64 in a kernel's memory. */
export interface Tile {
  readonly at: number;
  readonly rows: number;
  readonly columns: number;
}

interface KernelStep {
  /** What each row is combined with. May use the kernel. */
  readonly row?: () => Promise<Float64Array>;
  /** Whether it takes a pass over the whole matrix to know that. */
  readonly passes?: boolean;
  readonly apply: (tile: Tile, row: number) => Tile;
}

/** What is read at once: large enough for few reads. */
export const blockBytes = 2 ** 22;

/** What is computed at once: 128 KiB, small enough for a processor's cache. */
const tileElements = 2 ** 14;

/**
 * What a kernel has to do for a rule whose result is stored as its transpose or not; undefined where it can't: where rows
 * are not stored as rows, or for steps that it doesn't know.
 */
export function kernelMatrix(
  kernel: Kernel,
  rule: TensorRule,
  transposed: boolean,
  parameters: Parameters,
): KernelMatrix | undefined {
  if (rule.from !== 'source') return undefined;
  const canonical = parameters(rule.name);
  let matrix = storedMatrix(transposed ? canonical.transposeOf : canonical);
  for (const step of rule.steps) {
    if (matrix === undefined) return undefined;
    matrix = transposed ? withTransposedStep(kernel, matrix, step) : withStep(kernel, matrix, step, parameters);
  }
  return matrix;
}

function storedMatrix(matrix: RowMatrix | undefined): KernelMatrix | undefined {
  if (matrix?.stored === undefined) return undefined;
  const { dtype } = matrix.stored;
  if (!isFloat(dtype)) return undefined;
  const { rows, columns, stored } = matrix;
  const source = { dtype, columns, read: stored.read };
  return { rows, columns, source, steps: [] };
}

function withStep(kernel: Kernel, matrix: KernelMatrix, step: Step, parameters: Parameters): KernelMatrix | undefined {
  const then = (added: KernelStep): KernelMatrix => ({ ...matrix, steps: [...matrix.steps, added] });
  const inPlace = (change: (tile: Tile, row: number) => void, row?: () => Promise<Float64Array>): KernelStep => ({
    ...(row === undefined ? {} : { row }),
    apply(tile, address) {
      change(tile, address);
      return tile;
    },
  });
  switch (step.kind) {
    case 'centreRows':
      return then(inPlace(({ at, rows, columns }) => kernel.centreRows(at, rows, columns)));
    case 'centreColumns': {
      const means = once(() => columnMeans(kernel, matrix));
      const subtract = inPlace(({ at, rows, columns }, row) => kernel.subtractRow(at, rows, columns, row), means);
      return then({ ...subtract, passes: true });
    }
    case 'addConstant':
      return then(inPlace(({ at, rows, columns }) => kernel.addConstant(at, rows * columns, step.value)));
    case 'scaleColumns': {
      const factors = once(async () => (await readAll(parameters(step.by))).map((factor) => factor + step.offset));
      return then(inPlace(({ at, rows, columns }, row) => kernel.multiplyRow(at, rows, columns, row), factors));
    }
    case 'addProduct': {
      const weight = parameters(step.weight);
      const negative = once(async () => {
        const vector = await readAll(parameters(step.vector));
        const stored = storedMatrix(weight);
        const product = await (stored ? productInKernel(kernel, stored, vector) : productOf(weight, vector));
        return product.map((value) => -value);
      });
      return then(inPlace(({ at, rows, columns }, row) => kernel.subtractRow(at, rows, columns, row), negative));
    }
    case 'subtractLastColumn':
      return then(inPlace(({ at, rows, columns }) => kernel.subtractLastColumn(at, rows, columns)));
    case 'dropLastColumn':
      return {
        ...then({
          apply({ at, rows, columns }) {
            kernel.dropLastColumn(at, rows, columns);
            return { at, rows, columns: columns - 1 };
          },
        }),
        columns: matrix.columns - 1,
      };
    case 'dropLastRow':
      return { ...matrix, rows: matrix.rows - 1 };
    case 'normRows':
    case 'fitRows':
    case 'fillWithBound':
    case 'centreHeads':
      return undefined;
  }
}

/** A step on the transpose of the stored rows: its columns are rows here. */
function withTransposedStep(kernel: Kernel, matrix: KernelMatrix, step: Step): KernelMatrix | undefined {
  if (step.kind !== 'centreColumns') return undefined;
  return withStep(kernel, matrix, { kind: 'centreRows' }, () => {
    throw new RangeError('convert: centring rows needs no parameter');
  });
}

/**
 * Reads some rows and visits them, after all steps, tile by tile in their order. `begin` allocates what the visitor needs
 * beside them and gives that visitor; all of it stays until the kernel is reset.
 */
export async function overTiles(
  kernel: Kernel,
  { source, steps }: KernelMatrix,
  { start, end }: Range,
  begin: () => (tile: Tile) => void,
): Promise<void> {
  const rows: Float64Array[] = [];
  for (const { row } of steps) rows.push(row === undefined ? new Float64Array(0) : await row());
  const { dtype, columns } = source;
  kernel.reset();
  const byteLength = (end - start) * columns * byteSizes[dtype];
  const stored = kernel.allocate(byteLength);
  const tileRows = Math.max(4, Math.floor(tileElements / Math.max(1, columns)));
  const at = kernel.allocate(8 * Math.min(tileRows, end - start) * columns);
  const placed = rows.map((row) => place(kernel, row));
  const visit = begin();
  await readInto(kernel, source, { start, end }, stored);
  for (let first = 0; first < end - start; first += tileRows) {
    let tile: Tile = { at, rows: Math.min(tileRows, end - start - first), columns };
    const from = stored + first * columns * byteSizes[dtype];
    kernel.decode(kernelDTypes[dtype], from, at, tile.rows * columns);
    for (const [i, { apply }] of steps.entries()) tile = apply(tile, placed[i] ?? 0);
    visit(tile);
  }
}

/** Reads rows to an address and gives them there. */
export async function readInto(
  kernel: Kernel,
  { columns, dtype, read }: KernelMatrix['source'],
  { start, end }: Range,
  at: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const into = kernel.bytes(at, (end - start) * columns * byteSizes[dtype]);
  const bytes = await read({ start, end }, into);
  if (bytes.buffer !== into.buffer) into.set(bytes);
  return into;
}

/** Copies numbers into a kernel's memory; gives their address. */
export function place(kernel: Kernel, values: Float64Array): number {
  const at = kernel.allocate(values.byteLength);
  kernel.values(at, values.length).set(values);
  return at;
}

/** Ranges that cover the rows in order, none of which needs more than `blockBytes`, stored as read or as `dtype`. */
export function kernelBlocks({ rows, source }: KernelMatrix, dtype: FloatDType, maxElements: number): Iterable<Range> {
  const elements = blockBytes / Math.max(byteSizes[dtype], byteSizes[source.dtype]);
  return blocksOf({ rows, columns: source.columns }, Math.min(maxElements, elements));
}

async function columnMeans(kernel: Kernel, matrix: KernelMatrix): Promise<Float64Array> {
  let sums = new Float64Array(matrix.columns);
  for (const block of kernelBlocks(matrix, matrix.source.dtype, Number.POSITIVE_INFINITY)) {
    let address = 0;
    await overTiles(kernel, matrix, block, () => {
      address = place(kernel, sums);
      return ({ at, rows, columns }) => kernel.sumColumns(at, rows, columns, address);
    });
    sums = kernel.values(address, sums.length).slice();
  }
  return sums.map((sum) => sum / matrix.rows);
}

async function productInKernel(kernel: Kernel, weight: KernelMatrix, vector: Float64Array): Promise<Float64Array> {
  const product = new Float64Array(weight.rows);
  for (const block of kernelBlocks(weight, weight.source.dtype, Number.POSITIVE_INFINITY)) {
    const length = block.end - block.start;
    let results = 0;
    await overTiles(kernel, weight, block, () => {
      const factors = place(kernel, vector);
      results = kernel.allocate(8 * length);
      let to = results;
      return ({ at, rows, columns }) => {
        kernel.multiplyVector(at, rows, columns, factors, to);
        to += 8 * rows;
      };
    });
    product.set(kernel.values(results, length), block.start);
  }
  return product;
}
