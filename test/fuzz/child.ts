import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fuzz } from './fuzz.ts';
import { targetsIn } from './targets.ts';

// Reads the inputs, in a process of its own that may die of one: <seed> <inputs> <folder> <status file>.
const [seed = '0', inputs = '0', folder = '', statusPath = ''] = process.argv.slice(2);
const result = await fuzz(targetsIn(folder), {
  seed,
  inputs: Number(inputs),
  statusFile: openSync(statusPath, 'r+'),
  onProgress: (done) => process.stderr.isTTY && process.stderr.write(`\r${done} of ${inputs} inputs`),
});
const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
const peakBytes = 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS);
process.stdout.write(JSON.stringify({ ...result, peakBytes }));
