import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));

test.skipIf(!existsSync('/dev/full'))('a full disk under the standard output is one line and exit code 2', () => {
  const full = openSync('/dev/full', 'w');
  try {
    const args = ['--import', 'tsx', main, '--help'];
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' });
    expect(stderr).toBe('normlab: standard output: disk full; free some space or write elsewhere\n');
    expect(status).toBe(2);
  } finally {
    closeSync(full);
  }
});
