import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { z } from 'zod';
import { InputError } from '../../src/core/errors.ts';

export interface PythonScript<T> {
  /** The program, with the packages that the script needs. */
  readonly python: string;
  /** A file of this folder. */
  readonly script: string;
  readonly args: readonly string[];
  /** What a line of its output is. */
  readonly schema: z.ZodType<T>;
  readonly signal: AbortSignal;
  readonly onLine: (count: number) => void;
}

/** Runs a script that prints a line of JSON for each of its tasks. Throws InputError with what it said last where it fails. */
export async function runPython<T>({ python, script, args, schema, signal, onLine }: PythonScript<T>): Promise<T[]> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(python, [path, ...args], { signal, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said = (said + data.toString()).slice(-2000);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', (error) => reject(signal.aborted ? signal.reason : startError(python, error)));
    child.on('close', resolve);
  });
  const lines: T[] = [];
  const reading = (async () => {
    for await (const line of createInterface(child.stdout)) {
      lines.push(schema.parse(JSON.parse(line)));
      onLine(lines.length);
    }
  })();
  const [code] = await Promise.all([ended, reading]);
  if (code !== 0) {
    throw new InputError(`bench peers: ${script} ended with ${code}: ${said.trim().split('\n').slice(-3).join(' | ')}`);
  }
  return lines;
}

function startError(python: string, cause: Error): InputError {
  return new InputError(`bench peers: ${python} can't be started: ${cause.message}; --python names a Python`, {
    cause,
  });
}
