import { expect, test } from 'vitest';
import { countParameters, findPreset, presetSpec } from '../../models/index.ts';
import { preLnSpec } from '../decoder.fixture.ts';
import { certificateBytes } from './memory.ts';

const rows = (batch: number, sequence: number) =>
  Array.from({ length: batch }, () => new Array<number>(sequence).fill(0));

test('a tied head is counted: it is read as a matrix of its own', () => {
  const [tied, own] = [preLnSpec({ tiedHead: true }), preLnSpec({ tiedHead: false })];
  expect(certificateBytes(tied, rows(2, 4))).toBe(certificateBytes(own, rows(2, 4)));
  expect(countParameters(own)).toBeGreaterThan(countParameters(tied));
});

test('more tokens take more, longer rows more than more rows', () => {
  const spec = preLnSpec();
  const [few, more, longer] = [rows(2, 4), rows(4, 4), rows(2, 8)].map((ids) => certificateBytes(spec, ids));
  expect(more).toBeGreaterThan(few ?? 0);
  expect(longer).toBeGreaterThan(more ?? 0);
});

/** The peak of a whole process in bytes, measured: `normlab certify` of a random model and its conversion to rmsnorm in float32. */
test.each([['gpt2-small', 2454 * 2 ** 20]])(
  '%s: the bound holds for what was measured and is less than twice that',
  (id, peak) => {
    const bound = certificateBytes(presetSpec(findPreset(id)), rows(2, 32));
    expect(bound).toBeGreaterThan(peak);
    expect(bound).toBeLessThan(2 * peak);
  },
);
