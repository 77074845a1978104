import type { Range } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { encode } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import { firstBeyond, storesFinite } from '../../core/finite.ts';
import { applyRule } from '../rules/apply.ts';
import { blocksOf, type RowMatrix } from '../rules/matrix.ts';
import type { Parameters } from '../rules/steps.ts';
import type { OutputTensor } from './layout.ts';
import { roundingOf } from './rounding.ts';
import { putTransposed } from './transposed.ts';

/** A tensor of the output, or its part of one, as it is computed: block by block. */
export interface OutputPart {
  /** In order, all rows. */
  readonly blocks: readonly Range[];
  readonly columns: number;
  /** Whether its blocks must be computed in order, one after the other, by whoever began. */
  readonly isSequential: boolean;
  /** The rows of a block, as they will be stored. Throws InputError for a value that their type can't hold. */
  bytes(block: Range): Promise<Uint8Array<ArrayBuffer>>;
}

/** Steps that need no more than the rows themselves and some vectors. */
const rowwise: ReadonlySet<string> = new Set([
  'centreRows',
  'addConstant',
  'scaleColumns',
  'subtractLastColumn',
  'dropLastColumn',
  'dropLastRow',
]);

/** What is computed, small enough for a processor's cache; what is copied, large enough for few reads. */
const computedElements = 2 ** 18;
const copiedElements = 2 ** 21;

/** Nothing is read before the bytes are. `maxElements` are what is in memory at once where a matrix is transposed. */
export function outputPart(tensor: OutputTensor, parameters: Parameters, maxElements = 2 ** 22): OutputPart {
  const { rule, transposed, dtype } = tensor;
  const canonical = applyRule(rule, parameters, maxElements);
  if (transposed && canonical.transposeOf === undefined) return transposedPart(tensor, canonical, maxElements);
  const matrix = canonical.transposeOf !== undefined && transposed ? canonical.transposeOf : canonical;
  // Encoding rounds to nearest by itself.
  const round = rule.keepSums && roundingOf(rule, dtype, matrix.columns, transposed);
  const { stored } = matrix;
  const isCopied = round === undefined && stored?.dtype === dtype;
  const small = isCopied ? copiedElements : computedElements;
  return {
    blocks: [...blocksOf(matrix, matrix.needsAll ? maxElements : Math.min(maxElements, small))],
    columns: matrix.columns,
    isSequential: round !== undefined || !isRowwise(tensor),
    async bytes(block) {
      if (isCopied) {
        const bytes = await stored.read(block);
        if (storesFinite(bytes, dtype)) return bytes;
      }
      const values = await matrix.read(block);
      checkRange(values, tensor);
      return encode(round?.(values) ?? values, dtype);
    },
  };
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
  return {
    blocks: [...blocksOf({ rows: columns, columns: rows }, mostElements)],
    columns: rows,
    isSequential: !isRowwise(tensor),
    async bytes(block) {
      const result = new Uint8Array((block.end - block.start) * rows * byteSizes[dtype]);
      // Every pass begins with the first row, as what rounding carries from row to row does.
      const round = rule.keepSums && roundingOf(rule, dtype, columns);
      for (const pass of blocksOf(
        canonical,
        canonical.needsAll ? maxElements : Math.min(maxElements, computedElements),
      )) {
        const values = await canonical.read(pass);
        checkRange(values, tensor);
        putTransposed(encode(round?.(values) ?? values, dtype), { dtype, columns, pass }, result, { rows, block });
      }
      return result;
    },
  };
}

/** The least magnitudes that round to infinity: half a step above the largest finite number. */
const overflow = {
  float64: Number.POSITIVE_INFINITY,
  float32: (2 - 2 ** -24) * 2 ** 127,
  bfloat16: (2 - 2 ** -8) * 2 ** 127,
  float16: 65520,
} as const;

function checkRange(values: Float64Array, { name, dtype }: OutputTensor): void {
  const bad = firstBeyond(values, overflow[dtype]);
  if (bad === undefined) return;
  const advice = Number.isFinite(bad) ? 'choose a wider --dtype' : 'the source holds a value that is no finite number';
  throw new InputError(`${name}: ${bad} can't be stored as ${dtype}; ${advice}`);
}
