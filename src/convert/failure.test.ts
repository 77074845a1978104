import { readdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test, vi } from 'vitest';
import { CheckFailedError } from '../core/errors.ts';
import type { CertifyOptions } from './certificate/certify.ts';
import { convertModel } from './convert.ts';
import { goldenFolder, temporaryPaths } from './golden.fixture.ts';

vi.mock(import('./certificate/certify.ts'), async (original) => {
  const module = await original();
  return {
    ...module,
    certify: async (options: CertifyOptions) => {
      const measured = await module.certify(options);
      return { ...measured, limits: { ...measured.limits, stored: 1e-9 }, passed: false };
    },
  };
});

const temporary = temporaryPaths();

test('what fails its certificate is not left behind, and it says which figure failed', async () => {
  const out = await temporary('failing/out');
  const failing = convertModel({ source: goldenFolder('gpt2_bf16'), out, target: 'rmsnorm' });
  await expect(failing).rejects.toThrow(CheckFailedError);
  await expect(failing).rejects.toThrow(/not written: stored is off by up to .*e-2 in a logit, limit 1\.00e-9$/);
  expect(await readdir(dirname(out))).toEqual([]);
});
