import fc from 'fast-check';
import { expect, test } from 'vitest';
import { roundTo, ulp } from '../../core/rounding.ts';
import { keepingSums } from './rounding.ts';

const dtype = fc.constantFrom('float32' as const, 'bfloat16' as const, 'float16' as const);
const values = fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 12, maxLength: 12 });

test('sums of columns survive, whatever the blocks, and no entry moves by more than a unit of the largest', () => {
  fc.assert(
    fc.property(dtype, values, fc.integer({ min: 1, max: 4 }), (type, data, rowsPerBlock) => {
      const columns = 3;
      const round = keepingSums(type, columns, 'ofColumns');
      const rounded: number[] = [];
      for (let start = 0; start < data.length; start += rowsPerBlock * columns) {
        rounded.push(...round(Float64Array.from(data.slice(start, start + rowsPerBlock * columns))));
      }
      const unit = ulp(Math.max(...data.map(Math.abs)), type);
      for (let column = 0; column < columns; column++) {
        const sum = (list: readonly number[]) =>
          list.filter((_, i) => i % columns === column).reduce((total, value) => total + value, 0);
        expect(Math.abs(sum(rounded) - sum(data))).toBeLessThanOrEqual(0.5 * unit * 1.001);
      }
      for (const [i, value] of rounded.entries()) {
        expect(value).toBe(roundTo(value, type));
        expect(Math.abs(value - (data[i] ?? Number.NaN))).toBeLessThanOrEqual(unit * 1.001);
      }
    }),
  );
});

test('sums of rows survive and rows do not touch each other', () => {
  const third = 1 / 3;
  const row = Float64Array.of(third, third, third, third, third, third);
  const round = keepingSums('bfloat16', 6, 'ofRows');
  const [first, second] = [round(row), round(row)];
  expect(second).toEqual(first);
  expect(Math.abs(first.reduce((a, b) => a + b, 0) - 2)).toBeLessThanOrEqual(ulp(third, 'bfloat16') / 2);
  expect(Math.abs(6 * roundTo(third, 'bfloat16') - 2)).toBeGreaterThan(ulp(third, 'bfloat16') / 2);
});

test('float64 stays as it is', () => {
  const data = Float64Array.of(0.1, 0.2, 0.3, -7);
  expect(keepingSums('float64', 2, 'ofColumns')(data)).toEqual(data);
});
