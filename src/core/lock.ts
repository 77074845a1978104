import { link, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { InputError } from './errors.ts';
import { codeOf, explainFileError } from './fileErrors.ts';

/** What a lock's messages say. */
export interface LockNames {
  /** The file in the folder that holds the lock. */
  readonly file: string;
  /** What begins the messages. */
  readonly what: string;
  /** What the other process is doing with the folder: `trained` in "is being trained by process 7". */
  readonly doing: string;
}

/**
 * Keeps a second process, and a second use by this process, out of a folder. A lock whose process is gone (a kill, a
 * power cut) is taken over, also where its process id belongs to another process by now.
 *
 * Returns what releases it. Throws InputError where another process holds it.
 */
export async function lockFolder(folder: string, { file, what, doing }: LockNames): Promise<() => Promise<void>> {
  const path = join(folder, file);
  const mine = `${process.pid} ${await startOf(process.pid)}\n`;
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await create(path, mine)) {
      return async () => {
        if ((await read(path)) === mine) await rm(path, { force: true });
      };
    }
    const content = await readWhole(path);
    if (content === null) continue;
    const owner = await livingOwner(content);
    if (owner !== null) {
      throw new InputError(
        `${what}: ${folder} is being ${doing} by process ${owner}; wait for it, or name another folder`,
      );
    }
    await discard(path, content);
  }
  throw new InputError(`${what}: ${folder} is being started by another process; try again`);
}

async function create(path: string, content: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw explainFileError(error, path);
  }
}

const pattern = /^(\d+) (\S+)\n$/;

/** The lock's text; one that is being written at this moment is read once more. Null where there is none any more. */
async function readWhole(path: string): Promise<string | null> {
  const content = await read(path);
  if (content === null || pattern.test(content)) return content;
  await sleep(50);
  return await read(path);
}

async function read(path: string): Promise<string | null> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return null;
    throw explainFileError(error, path);
  });
}

/** The process that holds a lock, or null where it has ended. */
async function livingOwner(content: string): Promise<number | null> {
  const [, id, start] = pattern.exec(content) ?? [];
  const pid = Number(id);
  if (id === undefined || !Number.isSafeInteger(pid) || pid === 0 || !isAlive(pid)) return null;
  const now = await startOf(pid);
  return now === unknownStart || now === start ? pid : null;
}

const unknownStart = '-';

/** What tells a process from an earlier one with its id: when it started. */
async function startOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // Field 22; the second one is a name in brackets that may hold anything. [proc(5)]
  const start = status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
  if (start !== undefined) return start;
  return pid === process.pid ? String(performance.timeOrigin) : unknownStart;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** Removes a stale lock, and nothing else: another process may have taken it over since it was read. */
async function discard(path: string, content: string): Promise<void> {
  const aside = `${path}.stale-${process.pid}`;
  try {
    await rename(path, aside);
    if ((await read(aside)) !== content) await link(aside, path);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes(codeOf(error) ?? '')) throw explainFileError(error, path);
  } finally {
    await rm(aside, { force: true });
  }
}
