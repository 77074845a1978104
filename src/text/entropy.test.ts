import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteEntropies, byteTokenizer } from './index.ts';

test('entropies of a short text agree with scipy', () => {
  // As in sotu.test.ts, of b'abracadabra, abracadabra!'.
  const { unigram, bigram } = byteEntropies(byteTokenizer.encode('abracadabra, abracadabra!'));
  expect(unigram).toBeCloseTo(1.7433240432226262, 12);
  expect(bigram).toBeCloseTo(0.6128368651342131, 12);
});

test('entropies of extreme texts', () => {
  expect(byteEntropies(new Uint8Array(100).fill(7))).toEqual({ unigram: 0, bigram: 0 });
  const all = byteEntropies(Uint8Array.from({ length: 2560 }, (_, i) => i % 256));
  expect(all.unigram).toBeCloseTo(Math.log(256), 12);
  expect(all.bigram).toBeCloseTo(0, 12);
  expect(() => byteEntropies(new Uint8Array(1))).toThrow('needs at least 2 bytes, got 1');
});

test('entropies lie between 0 and ln 256', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 2, maxLength: 300 }), (bytes) => {
      const { unigram, bigram } = byteEntropies(bytes);
      for (const value of [unigram, bigram]) {
        expect(value).toBeGreaterThanOrEqual(-1e-12);
        expect(value).toBeLessThanOrEqual(Math.log(256) + 1e-12);
      }
    }),
  );
});
