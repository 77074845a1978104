#!/usr/bin/env node
import { existsSync } from 'node:fs';

const main = new URL('../dist/cli/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  process.stderr.write('normlab: dist/cli/main.js is missing, the package has not been built; run npm run build\n');
  process.exitCode = 2;
}
