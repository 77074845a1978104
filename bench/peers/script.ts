import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { InputError } from '../../src/core/errors.ts';

export interface PeerScript<T> {
  /** The program that runs it: a Python or Node. */
  readonly program: string;
  /** Its path. */
  readonly script: string;
  readonly args: readonly string[];
  /** What a line of its output is. */
  readonly schema: z.ZodType<T>;
  readonly signal: AbortSignal;
  readonly onLine: (count: number) => void;
}

/** Runs a script that prints a line of JSON for each of its tasks. Throws InputError with what it said last where it fails. */
export async function runScript<T>({ program, script, args, schema, signal, onLine }: PeerScript<T>): Promise<T[]> {
  const child = spawn(program, [script, ...args], { signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-2000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(signal.aborted ? signal.reason : startError(program, error)));
    child.on('close', resolve);
  });
  const lines: T[] = [];
  const reading = (async () => {
    for await (const line of createInterface(child.stdout)) {
      lines.push(schema.parse(JSON.parse(line)));
      onLine(lines.length);
    }
  })();
  const [code] = await Promise.all([ended, reading]).finally(() => child.kill());
  if (code !== 0) {
    throw new InputError(`${script} ended with ${code}: ${said.trim().split('\n').slice(-3).join(' | ')}`);
  }
  return lines;
}

function startError(python: string, cause: Error): InputError {
  return new InputError(`${python} can't be started: ${cause.message}; --python names a Python`, {
    cause,
  });
}
