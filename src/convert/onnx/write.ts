import type { FileHandle } from 'node:fs/promises';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { writeAtomically } from '../../core/files.ts';
import { checkFreeSpace } from '../../core/freeSpace.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import { recoverInterrupted } from '../../core/temporaries.ts';
import type { Part } from '../../graph/index.ts';
import type { OnnxOutput } from './layout.ts';

export interface WriteOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes that were written since the last call. */
  readonly onBytes: (bytes: number) => void;
  /** Called with everything written, just before the model file takes its place; what it throws keeps it from that. */
  readonly beforePlacing: () => Promise<void>;
}

/**
 * Writes the files so that at any moment `out` is the old model or the whole new one. The data come first, under a name
 * that no other contents have, and the model file last; data files of models that `out` was before go after that.
 */
export async function writeOutput(
  out: string,
  { parts, data, bytes }: OnnxOutput,
  options: WriteOptions,
): Promise<void> {
  const folder = dirname(out);
  await checkFreeSpace(folder, bytes, out);
  const before = await dataFiles(out);
  await recoverData(out);
  try {
    if (data !== undefined) await writeAtomically(data.path, (file) => writeParts(file, data.parts, options));
    await writeAtomically(out, async (file) => {
      await writeParts(file, parts, options);
      await options.beforePlacing();
    });
  } catch (error) {
    if (data !== undefined && !before.includes(basename(data.path))) await rm(data.path, { force: true });
    throw error;
  }
  for (const name of before) {
    if (data === undefined || name !== basename(data.path)) await rm(join(folder, name), { force: true });
  }
}

/** Removes what killed conversions to `out` left of data files, whatever contents these were to have. */
async function recoverData(out: string): Promise<void> {
  const prefix = `.${basename(out)}.`;
  for (const name of await readdir(dirname(out))) {
    const [, hash] = (name.startsWith(prefix) && /^([0-9a-f]{8})\.data\./.exec(name.slice(prefix.length))) || [];
    if (hash !== undefined) await recoverInterrupted(`${out}.${hash}.data`);
  }
}

/** The files beside `out` that are named as its data. */
async function dataFiles(out: string): Promise<readonly string[]> {
  const prefix = `${basename(out)}.`;
  const names = await readdir(dirname(out)).catch(() => []);
  return names.filter((name) => name.startsWith(prefix) && /^[0-9a-f]{8}\.data$/.test(name.slice(prefix.length)));
}

async function writeParts(file: FileHandle, parts: readonly Part[], { signal, onBytes }: WriteOptions): Promise<void> {
  // Small parts are gathered: a graph is thousands of nodes.
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  const flush = async () => {
    if (gatheredBytes === 0) return;
    await file.writeFile(Buffer.concat(gathered));
    onBytes(gatheredBytes);
    gathered = [];
    gatheredBytes = 0;
    await yieldToSignals(signal);
  };
  const write = async (block: Uint8Array) => {
    gathered.push(block);
    gatheredBytes += block.length;
    if (gatheredBytes >= 2 ** 20 || gathered.length >= 512) await flush();
  };
  for (const part of parts) {
    if (part instanceof Uint8Array) await write(part);
    else for await (const block of part.read()) await write(block);
  }
  await flush();
}
