import { expect, test } from 'vitest';
import { findPreset, presetSpec } from '../../models/index.ts';
import { preLnSpec } from '../decoder.fixture.ts';
import { certificateBytes } from './memory.ts';

const rows = (batch: number, sequence: number) =>
  Array.from({ length: batch }, () => new Array<number>(sequence).fill(0));

test('the number of layers counts for nothing, the size of a block and what a token takes do', () => {
  const bytesOf = (id: string, ids = rows(2, 32)) => certificateBytes(presetSpec(findPreset(id)), ids);
  const deep = preLnSpec({ numLayers: 200 });
  expect(certificateBytes(deep, rows(2, 4))).toBe(certificateBytes(preLnSpec(), rows(2, 4)));
  expect(bytesOf('gpt3-175b')).toBeGreaterThan(10 * bytesOf('gpt3-xl'));
  expect(bytesOf('gpt2-small', rows(4, 128))).toBeGreaterThan(bytesOf('gpt2-small'));
  expect(bytesOf('gpt2-small', rows(1, 512))).toBeGreaterThan(bytesOf('gpt2-small', rows(4, 128)));
});

/**
 * The peak of a whole process in bytes, measured: `normlab convert` of a random model to rmsnorm, VmHWM of Linux; of Pythia
 * with six of its 24 layers, in bfloat16.
 */
test.each([
  ['gpt2-small', 449 * 2 ** 20],
  ['pythia-1.4b', 1012 * 2 ** 20],
])('%s: the bound holds for what was measured and is less than twice that', (id, peak) => {
  const bound = certificateBytes(presetSpec(findPreset(id)), rows(2, 32));
  expect(bound).toBeGreaterThan(peak);
  expect(bound).toBeLessThan(2 * peak);
});
