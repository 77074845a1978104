import { Readable } from 'node:stream';
import { run } from './run.ts';

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and returns what it wrote and its exit code. */
export function capture(...args: readonly string[]): Promise<Captured> {
  return captureWith('', ...args);
}

/** The same with something on standard input. */
export async function captureWith(input: string | Uint8Array, ...args: readonly string[]): Promise<Captured> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await run(args, {
    stdin: Readable.from([Buffer.from(input)]),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
  });
  return { code, ...written };
}
