import type { FloatDType } from '../../core/dtype.ts';
import { roundTo } from '../../core/rounding.ts';
import type { TensorRule } from '../rules/plan.ts';

/** Rounds the blocks of a matrix, which come row by row and in order. */
export type Rounding = (block: Float64Array) => Float64Array;

/** How the result of a rule is rounded: to nearest, or where sums must survive, with what is left over carried on. */
export function roundingOf(rule: TensorRule, dtype: FloatDType, columns: number, transposed = false): Rounding {
  const sums = keptSums(rule, transposed);
  if (sums === undefined) return (block) => block.map((value) => roundTo(value, dtype));
  return keepingSums(dtype, columns, sums);
}

/** The sums of the stored matrix that rounding must keep. */
export function keptSums({ keepSums }: TensorRule, transposed: boolean): TensorRule['keepSums'] {
  if (keepSums === undefined) return undefined;
  return (keepSums === 'ofColumns') === transposed ? 'ofRows' : 'ofColumns';
}

/**
 * Rounds the blocks of a matrix, row by row and in order, so that the sums of its rows or columns stay what they were
 * to within half a unit in the last place: what rounding an entry to nearest takes away is added to the next one.
 *
 * A CRMSNorm model computes its last coordinate as minus the sum of the others. Rounded each by itself, entries that
 * were stored in the same type before one mean was subtracted from all of them err to the same side, and that sum is
 * off by as much as d halves of a unit instead of one.
 */
export function keepingSums(dtype: FloatDType, columns: number, sums: 'ofRows' | 'ofColumns'): Rounding {
  const carried = new Float64Array(columns);
  return (block) => {
    let carry = 0;
    return block.map((value, i) => {
      const column = i % columns;
      if (sums === 'ofColumns') carry = carried[column] ?? Number.NaN;
      else if (column === 0) carry = 0;
      const wanted = value + carry;
      const rounded = roundTo(wanted, dtype);
      carry = wanted - rounded;
      carried[column] = carry;
      return rounded;
    });
  };
}
