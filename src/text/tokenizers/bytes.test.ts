import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteTokenizer } from './bytes.ts';

test('text comes back from its bytes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const ids = byteTokenizer.encode(text);
      expect(byteTokenizer.decode(ids)).toBe(text);
      expect(byteTokenizer.decode([...ids])).toBe(text);
    }),
  );
  expect(byteTokenizer.decode([0xef, 0xbb, 0xbf, 0x61])).toBe('\ufeffa');
  expect([...byteTokenizer.encode('\ufeffé')]).toEqual([0xef, 0xbb, 0xbf, 0xc3, 0xa9]);
});

test('a part of a character becomes U+FFFD, what is no byte is refused', () => {
  expect(byteTokenizer.decode([0x61, 0xc3])).toBe('a\ufffd');
  expect(() => byteTokenizer.decode([256])).toThrow('256 is no byte');
  expect(() => byteTokenizer.decode([0.5])).toThrow(RangeError);
});
