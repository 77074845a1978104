import { open, readFile } from 'node:fs/promises';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { codeOf, explainFileError } from '../core/fileErrors.ts';

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
export type EndLine = Extract<MetricsLine, { readonly kind: 'end' }>;

/** A metrics file that grows. */
export interface MetricsLog {
  append(line: MetricsLine): void;
  /** Hands the lines to the system, so that others can read them. */
  flush(): Promise<void>;
  /** Flushes, and waits until they are on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens a metrics file for appending. */
export async function openMetrics(path: string): Promise<MetricsLog> {
  const explained = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      throw explainFileError(error, path);
    });
  const file = await explained(open(path, 'a'));
  let pending = '';
  const flush = async () => {
    const text = pending;
    pending = '';
    if (text !== '') await explained(file.appendFile(text));
  };
  return {
    append(line) {
      pending += `${JSON.stringify(line)}\n`;
    },
    flush,
    async sync() {
      await flush();
      await explained(file.datasync());
    },
    async close() {
      try {
        await flush();
      } finally {
        await explained(file.close());
      }
    },
  };
}

/** Reads a metrics file. A last line that was cut off by a kill is left out; any other malformed line is an error. */
export async function readMetrics(path: string): Promise<readonly MetricsLine[]> {
  const lines = completeLines(await readBytes(path));
  return lines.map((line, i) => parseLine(line) ?? refuseLine(`${path}:${i + 1}`));
}

/** The line that says how a run ended; null for one that has not. */
export async function readEnd(path: string): Promise<EndLine | null> {
  const last = completeLines(await readBytes(path)).at(-1);
  const line = last === undefined ? null : parseLine(last);
  return line?.kind === 'end' ? line : null;
}

/**
 * Cuts a metrics file back to what a run that has ended with `step` had written before its end. Whatever follows goes,
 * readable or not: a power cut may leave anything there.
 *
 * Throws an `InputError` where lines up to that step are missing.
 */
export async function cutMetrics(path: string, step: number, lastStep: number): Promise<void> {
  let length = 0;
  let steps = 0;
  for (const text of completeLines(await readBytes(path))) {
    const line = parseLine(text);
    // The last step's validation is written with the end.
    if (line === null || line.step > step || (line.kind !== 'step' && line.step === lastStep)) break;
    if (line.kind === 'step' && line.step !== steps + 1) break;
    if (line.kind === 'step') steps = line.step;
    length += Buffer.byteLength(text) + 1;
  }
  if (steps !== step) {
    throw new InputError(
      `${path}: its line for step ${steps + 1} is missing or malformed, but the checkpoint is of step ${step}; ` +
        'was the file edited? Restore it, or --force to start over',
    );
  }
  try {
    const file = await open(path, 'a');
    try {
      await file.truncate(length);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainFileError(error, path);
  }
}

/** Empty where there is no file. */
async function readBytes(path: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return Buffer.alloc(0);
    throw explainFileError(error, path);
  });
}

function completeLines(bytes: Buffer): readonly string[] {
  return bytes
    .subarray(0, bytes.lastIndexOf(0x0a) + 1)
    .toString('utf8')
    .split('\n')
    .slice(0, -1);
}

function parseLine(text: string): MetricsLine | null {
  try {
    return lineSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function refuseLine(where: string): never {
  throw new InputError(`${where}: not a line of metrics; was the file edited? Restore it, or --force to start over`);
}

/** A number as JSON can hold it. */
export function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
