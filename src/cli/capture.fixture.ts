import { run } from './run.ts';

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and returns what it wrote and its exit code. */
export async function capture(...args: readonly string[]): Promise<Captured> {
  const written = { stdout: '', stderr: '' };
  const stream = (name: keyof typeof written) => ({
    write: (text: string) => {
      written[name] += text;
    },
  });
  const code = await run(args, { stdout: stream('stdout'), stderr: stream('stderr') });
  return { code, ...written };
}
