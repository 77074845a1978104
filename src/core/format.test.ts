import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatBytes, formatDuration, formatSi, formatSignificant, formatTable } from './format.ts';

describe('formatTable', () => {
  test('aligns numbers right and text left', () => {
    const table = formatTable(
      ['norm', 'µs', 'ratio', 'note'],
      [
        ['LayerNorm', 12, '1.02×', 'fused'],
        ['RMSNorm', 9.5, '0.9×', null],
        ['ScaleNorm', null, undefined, '×'],
      ],
    );
    expect(table.split('\n')).toEqual([
      'norm        µs  ratio  note',
      '─────────  ───  ─────  ─────',
      'LayerNorm   12  1.02×  fused',
      'RMSNorm    9.5   0.9×  –',
      'ScaleNorm    –      –  ×',
    ]);
  });

  test('takes an alignment, counts characters and not code units, and skips colours', () => {
    const table = formatTable(
      [
        { header: 'id', align: 'left' },
        { header: 'x', align: 'right' },
      ],
      [
        [1, '\u001b[31mred\u001b[39m'],
        [22, '𝛾'],
      ],
    );
    expect(table.split('\n')).toEqual(['id    x', '──  ───', '1   \u001b[31mred\u001b[39m', '22    𝛾']);
  });

  test('has a head without rows, and refuses rows of another length', () => {
    expect(formatTable(['a', 'b'], [])).toBe('a  b\n─  ─');
    expect(() => formatTable(['a', 'b'], [['1', '2'], ['1']])).toThrow('row 1 has 1 cells, expected 2');
  });
});

test.each([
  [0, '0 s'],
  [1.234e-8, '12.3 ns'],
  [1.5e-5, '15.0 µs'],
  [0.99949e-3, '999 µs'],
  [0.99951e-3, '1.00 ms'],
  [0.0123, '12.3 ms'],
  [0.99951, '1.00 s'],
  [59.94, '59.9 s'],
  [59.96, '1 min 00 s'],
  [125, '2 min 05 s'],
  [3599.4, '59 min 59 s'],
  [3599.6, '1 h 00 min'],
  [3720, '1 h 02 min'],
  [86369, '23 h 59 min'],
  [86371, '1 d 00 h'],
  [273600, '3 d 04 h'],
  [-2, '-2.00 s'],
  [Number.NaN, '–'],
])('formatDuration(%d) is %s', (seconds, expected) => {
  expect(formatDuration(seconds)).toBe(expected);
});

test.each([
  [0, '0 B'],
  [512, '512 B'],
  [1023, '1023 B'],
  [1536, '1.50 KiB'],
  [24 * 2 ** 20, '24.0 MiB'],
  [2 ** 30 - 1, '1.00 GiB'],
  [2 ** 60, '1024 PiB'],
])('formatBytes(%d) is %s', (bytes, expected) => {
  expect(formatBytes(bytes)).toBe(expected);
});

test.each([
  [0, '0'],
  [7, '7'],
  [1.5, '1.50'],
  [999, '999'],
  [999.9, '1.00k'],
  [16000, '16.0k'],
  [999_499, '999k'],
  [999_500, '1.00M'],
  [124_439_808, '124M'],
  [7e9, '7.00G'],
  [-16000, '-16.0k'],
  [1e24, '1000000E'],
  [Number.NaN, '–'],
])('formatSi(%d) is %s', (value, expected) => {
  expect(formatSi(value)).toBe(expected);
});

describe('formatSignificant', () => {
  test.each([
    [2, 3, '2.00'],
    [9.996, 3, '10.0'],
    [0.09996, 3, '0.100'],
    [0.000123, 3, '0.000123'],
    [1.234e-7, 3, '1.23e-7'],
    [12345.6, 3, '12346'],
    [999.9, 3, '1000'],
    [-0.5, 1, '-0.5'],
    [1e21, 2, '1.0e+21'],
    [0, 3, '0'],
    [Infinity, 3, '∞'],
    [-Infinity, 3, '-∞'],
    [Number.NaN, 3, '–'],
  ])('(%d, %d) is %s', (value, digits, expected) => {
    expect(formatSignificant(value, digits)).toBe(expected);
  });

  test('reads back as the number, to that many digits', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer({ min: 1, max: 8 }),
        (value, digits) => {
          const size = Math.abs(value);
          fc.pre(size > 1e-300 && size < 1e300);
          const error = Math.abs(Number(formatSignificant(value, digits)) - value);
          expect(error / size).toBeLessThanOrEqual(0.5001 * 10 ** (1 - digits));
        },
      ),
    );
  });
});
