/** Converts one model, with the built package as a user has it, without a certificate and prints what that took: `one.ts <source> <out> [threads]`. */
import { readFile } from 'node:fs/promises';
import { argv, stdout } from 'node:process';

const peakBytes = async (): Promise<number> => {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  return 1024 * (kilobytes === undefined ? process.resourceUsage().maxRSS : Number(kilobytes));
};

const [source = '', out = '', threads] = argv.slice(2);
// The sources would have their compiler run in every thread.
const built = new URL('../../dist/convert/index.js', import.meta.url).href;
const { convertModel }: typeof import('../../src/convert/index.ts') = await import(built);
const idleBytes = await peakBytes();
const usedBefore = process.cpuUsage();
const started = performance.now();
await convertModel({
  source,
  out,
  target: 'rmsnorm',
  certify: false,
  threads: threads === undefined ? undefined : Number(threads),
});
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(usedBefore);
const cpuSeconds = (user + system) / 1e6;
stdout.write(`${JSON.stringify({ seconds, cpuSeconds, idleBytes, peakBytes: await peakBytes() })}\n`);
