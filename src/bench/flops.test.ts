import { expect, test } from 'vitest';
import { normKind } from '../norms/index.ts';
import { trainingFlopsPerToken } from './flops.ts';
import { blockSpec } from './shares/sizes.ts';

test('12·d² parameters a block and the head count six times, attention apart; a tied head multiplies too', () => {
  const size = { id: 'x', name: 'X', layers: 1, hiddenSize: 128, heads: 4 };
  const spec = { ...blockSpec(size, normKind('rmsnorm'), 128, 256), numLayers: 4 };
  const expected = 6 * (4 * 12 * 128 ** 2 + 128 * 256) + 12 * 4 * 128 * 128;
  expect(trainingFlopsPerToken(spec, 128)).toBe(expected);
  expect(trainingFlopsPerToken({ ...spec, tiedHead: true }, 128)).toBe(expected);
});
