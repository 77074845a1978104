import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatTable } from '../core/format.ts';
import { fitCells, wrapText } from './fit.ts';

const headers = ['model', 'reason', 'confidence'];
const rows = [['A model with a long name', 'stability, speed (of the placement, not the kind)', 'read']];

test('a table is as wide as the terminal, and loses the longest cells first', () => {
  const [cells = []] = fitCells(headers, rows, 59);
  expect(cells).toEqual(['A model with a long n…', 'stability, speed (of t…', 'read']);
  expect(
    Math.max(
      ...formatTable(headers, [cells])
        .split('\n')
        .map((line) => line.length),
    ),
  ).toBeLessThanOrEqual(59);
});

test('a column is not clipped below its header, and no table without a terminal', () => {
  expect(fitCells(headers, rows, 10)[0]).toEqual(['A model with…', 'stabili…', 'read']);
  expect(fitCells(headers, rows, undefined)).toBe(rows);
});

test('lines break between words and hang under the text of a label or a dash', () => {
  expect(wrapText('Norm:       one two three', 20)).toBe('Norm:       one two\n          three');
  expect(wrapText('  - four five six', 12)).toBe('  - four\n    five six');
  expect(wrapText('a b', undefined)).toBe('a b');
});

test('wrapping loses no word and no line is too long but for a word that is', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-zäß]{1,9}$/), { minLength: 1 }),
      fc.integer({ min: 12, max: 60 }),
      (words, width) => {
        const wrapped = wrapText(words.join(' '), width);
        expect(wrapped.split(/\s+/)).toEqual(words);
        for (const line of wrapped.split('\n')) expect([...line].length).toBeLessThanOrEqual(width);
      },
    ),
  );
});
