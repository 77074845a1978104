import { expect, test } from 'vitest';
import { kernelModule } from '../scripts/build-kernel.ts';
import { readText } from './sources.fixture.ts';

test('the kernel is what its source compiles to (npm run build:kernel)', async () => {
  expect(readText('src/convert/kernel/module.ts')).toBe(await kernelModule());
});
