import { open } from 'node:fs/promises';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';

const lineSchema = z.discriminatedUnion('kind', [
  /** A step: the batch's loss before the update, the gradients' norm before clipping. Times are not reproducible. */
  z.strictObject({
    kind: z.literal('step'),
    step: z.int().positive(),
    loss: z.number().nullable(),
    gradNorm: z.number().nullable(),
    learningRate: z.number(),
    milliseconds: z.number(),
  }),
  z.strictObject({ kind: z.literal('validation'), step: z.int().nonnegative(), loss: z.number().nullable() }),
  /** The last line of a finished run. */
  z.strictObject({
    kind: z.literal('end'),
    step: z.int().nonnegative(),
    reason: z.enum(['finished', 'diverged']),
    finalValidationLoss: z.number().nullable(),
  }),
]);

/** A line of `metrics.jsonl`. Numbers that are not finite are null. */
export type MetricsLine = z.infer<typeof lineSchema>;

/** A metrics file that grows. Lines are on the disk after `sync`. */
export interface MetricsLog {
  append(line: MetricsLine): void;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a metrics file for appending. */
export async function openMetrics(path: string): Promise<MetricsLog> {
  const file = await open(path, 'a').catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  let pending = '';
  const flush = async () => {
    const text = pending;
    pending = '';
    if (text === '') return;
    try {
      await file.appendFile(text);
    } catch (error) {
      throw explainFileError(error, path);
    }
  };
  return {
    append(line) {
      pending += `${JSON.stringify(line)}\n`;
    },
    async sync() {
      await flush();
      await file.datasync();
    },
    async close() {
      await flush();
      await file.close();
    },
  };
}

/** Reads a metrics file. A last line that was cut off by a kill is left out; any other malformed line is an error. */
export async function readMetrics(path: string): Promise<readonly MetricsLine[]> {
  const text = await readText(path);
  return completeLines(text).map((line, i) => parseLine(line, `${path}:${i + 1}`));
}

/** Cuts a metrics file back to the lines up to a step. */
export async function truncateMetrics(path: string, step: number): Promise<void> {
  const text = await readText(path);
  const kept = completeLines(text).filter((line, i) => {
    const parsed = parseLine(line, `${path}:${i + 1}`);
    return parsed.kind !== 'end' && parsed.step <= step;
  });
  // Lines are in the order of their steps, so what is kept is the beginning of the file.
  const length = Buffer.byteLength(kept.map((line) => `${line}\n`).join(''));
  const file = await open(path, 'r+');
  try {
    await file.truncate(length);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function readText(path: string): Promise<string> {
  const file = await open(path, 'a+').catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  try {
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

function completeLines(text: string): readonly string[] {
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1);
}

function parseLine(line: string, where: string): MetricsLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new InputError(`${where}: not a line of metrics; was the file edited? Delete the run folder and start again`);
  }
  const parsed = lineSchema.safeParse(value);
  if (!parsed.success)
    throw new InputError(`${where}: not a line of metrics; was the file edited? Delete the run folder and start again`);
  return parsed.data;
}

/** A number as JSON can hold it. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
