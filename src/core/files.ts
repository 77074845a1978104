import { rmSync } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  rmdir,
  stat,
} from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { InputError, messageOf } from './errors.ts';
import { codeOf, explainFileError } from './fileErrors.ts';
import { isDeeperThan } from './jsonScan.ts';
import { makeFolder } from './makeFolder.ts';
import { recoverInterrupted, temporaryPath } from './temporaries.ts';

/** The indexes of the largest models take a few megabytes. */
const maxJsonBytes = 100_000_000;

/** Far more than any file of a model has, and few enough for functions that call themselves. */
const maxJsonDepth = 100;

/** The parsed contents of a JSON file. Throws InputError, one line, where it is missing, unreadable, not JSON, or nested too deeply. */
export async function readJson(path: string): Promise<unknown> {
  const bytes = await readSmallFile(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    // Before the parser, which takes gigabytes for a few million brackets.
    if (isDeeperThan(text, maxJsonDepth)) throw new Error(`it is nested more than ${maxJsonDepth} deep`);
    return JSON.parse(text);
  } catch (error) {
    // The parser's message quotes the file, which may hold what a terminal obeys.
    throw new InputError(`${path}: not valid JSON: ${messageOf(error).replace(/[\s\p{C}]+/gu, ' ')}`);
  }
}

async function readSmallFile(path: string): Promise<Uint8Array> {
  const size = await sizeOfFile(path);
  if (size > maxJsonBytes) {
    throw new InputError(`${path}: has ${size} bytes, at most ${maxJsonBytes} are allowed for JSON`);
  }
  return readFile(path);
}

/**
 * The bytes of a file that is to be read as a whole. Throws InputError where it is missing, and for a pipe, which would
 * have its reader wait for somebody to write to it, and a device, which may never end.
 */
export async function sizeOfFile(path: string): Promise<number> {
  const status = await stat(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  if (status.isFile()) return status.size;
  throw new InputError(`${path}: is a ${status.isDirectory() ? 'folder' : 'device or a pipe'}, expected a file`);
}

/**
 * Writes a file so that at any moment, also after a kill or a power cut, `path` holds the old contents or the new ones.
 *
 * `write` gets a hidden file of the same folder, which takes the place of `path` once it is on the disk. On any error it
 * is removed and `path` stays as it was. A link stays one: what it leads to is written. Throws InputError where the file
 * system refuses (full, read-only, …), and for a device or a pipe, whose place a file would take.
 */
export async function writeAtomically(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const target = await replaceableFile(path);
  const temporary = temporaryPath(target, 'partial');
  try {
    await recoverInterrupted(target);
    const file = await open(temporary, 'wx');
    try {
      await syncingMeanwhile(file, () => write(file));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
    await syncPath(dirname(target));
  } catch (error) {
    await rm(temporary, { force: true });
    throw explainFileError(error, path, temporary);
  }
}

const syncEveryMs = 250;

/**
 * Does `work` and has the system meanwhile put on the disk what it has been given of a file. Left alone it would begin only
 * when a good part of the memory is full, and the sync at the end would have to wait for all of that.
 */
async function syncingMeanwhile(file: FileHandle, work: () => Promise<void>): Promise<void> {
  const over = new AbortController();
  const sync = async () => {
    while (await delay(syncEveryMs, true, { signal: over.signal }).catch(() => false)) await file.datasync();
  };
  for (const outcome of await Promise.allSettled([work().finally(() => over.abort()), sync()])) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

async function replaceableFile(path: string): Promise<string> {
  if (path === '') throw new InputError('the path of the file to write is empty');
  const status = await stat(path).catch(() => undefined);
  if (status !== undefined && !status.isFile() && !status.isDirectory()) {
    throw new InputError(`${path}: is a device or a pipe, expected a file or nothing`);
  }
  return followLink(path);
}

/** `writeAtomically` for contents that are at hand; text is written as UTF-8. */
export async function writeFileAtomically(path: string, data: string | Uint8Array): Promise<void> {
  await writeAtomically(path, (file) => file.writeFile(data));
}

/** Writes `value` as JSON, indented by two spaces, with `writeAtomically`. */
export async function writeJsonAtomically(path: string, value: unknown): Promise<void> {
  await writeFileAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}

export interface CreateFolderOptions {
  /** Replace a folder that is there already. Default false. */
  readonly force?: boolean;
  /**
   * A file, or several, of which a folder must hold one for `force` to replace it, so that nobody's home folder is. Default
   * `config.json`.
   */
  readonly marker?: string | readonly string[];
}

/**
 * Builds a folder so that at any moment `target` is the old folder or the whole new one, and returns what `build` does.
 *
 * `build` gets a hidden folder beside `target`, which is renamed to `target` once its files are on the disk; the old one
 * is set aside just before and deleted after. If `build` fails or the process exits, the hidden folder is removed; after a
 * kill the next call for the same target does that, and puts a set-aside folder back. Throws InputError where `target` is
 * a file, holds something and `force` is off, or holds something without `marker`; before `build` and again after it.
 */
export async function createFolderAtomically<T>(
  target: string,
  options: CreateFolderOptions,
  build: (temporaryFolder: string) => Promise<T>,
): Promise<T> {
  if (target === '') throw new InputError('the path of the folder to create is empty');
  const folder = await followLink(resolve(target));
  const temporary = temporaryPath(folder, 'partial');
  const removeTemporary = () => rmSync(temporary, { recursive: true, force: true });
  process.once('exit', removeTemporary);
  try {
    await recoverInterrupted(folder);
    await checkFree(target, folder, options);
    await makeFolder(dirname(folder));
    await mkdir(temporary);
    const result = await build(temporary);
    await syncTree(temporary);
    await checkFree(target, folder, options);
    if (options.force) await exchange(temporary, folder);
    else await place(temporary, folder);
    return result;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw inPlaceOf(temporary, target, explainFileError(error, folder, temporary));
  } finally {
    process.off('exit', removeTemporary);
  }
}

/** The error, its message about files of the hidden folder being one about those that they were to become. */
function inPlaceOf(temporary: string, target: string, error: unknown): unknown {
  if (!(error instanceof InputError) || !error.message.includes(temporary)) return error;
  return new InputError(
    error.message.replaceAll(temporary, () => target),
    { cause: error },
  );
}

async function followLink(path: string): Promise<string> {
  const status = await statusOf(path);
  if (!status?.isSymbolicLink()) return path;
  return realpath(path).catch(() => {
    throw new InputError(`${path}: is a link to something that doesn't exist; remove it or choose another place`);
  });
}

async function checkFree(target: string, folder: string, options: CreateFolderOptions): Promise<void> {
  const status = await statusOf(folder);
  if (status === undefined) return;
  if (!status.isDirectory()) throw new InputError(`${target}: is a file, expected a folder or nothing`);
  const toCurrent = relative(folder, process.cwd());
  if (!toCurrent.startsWith('..') && !isAbsolute(toCurrent)) {
    throw new InputError(`${target}: is or holds the current folder, which can't be replaced; choose another folder`);
  }
  const names = await readdir(folder);
  if (names.length === 0) return;
  if (!options.force) throw new InputError(`${target} exists; use --force to replace it`);
  const markers = [options.marker ?? 'config.json'].flat();
  if (!markers.some((marker) => names.includes(marker))) {
    throw new InputError(
      `${target} exists and holds no ${markers.join(' or ')}, so it is not replaced, not even with --force`,
    );
  }
}

async function place(temporary: string, folder: string): Promise<void> {
  // An empty folder may be there, and not every system renames onto one.
  if (await statusOf(folder)) await rmdir(folder);
  await rename(temporary, folder);
  await syncPath(dirname(folder));
}

async function exchange(temporary: string, folder: string): Promise<void> {
  if (!(await statusOf(folder))) return place(temporary, folder);
  const replaced = temporaryPath(folder, 'replaced');
  await rename(folder, replaced);
  try {
    await rename(temporary, folder);
  } catch (error) {
    await rename(replaced, folder);
    throw error;
  }
  await syncPath(dirname(folder));
  // Under its next name a half-deleted folder can't be mistaken for one to put back.
  const discarded = temporaryPath(folder, 'discarded');
  await rename(replaced, discarded);
  await rm(discarded, { recursive: true, force: true });
}

async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory() || entry.isFile()) await syncPath(path);
  }
  await syncPath(folder);
}

async function syncPath(path: string): Promise<void> {
  // Windows syncs neither folders nor files that are open for reading.
  if (process.platform === 'win32') return;
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function statusOf(path: string) {
  return lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw explainFileError(error, path);
  });
}
