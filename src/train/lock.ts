import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';

/**
 * Keeps a second process out of a run folder. A lock whose process is gone (a kill, a power cut) is taken over.
 *
 * Returns what releases it.
 */
export async function lockRun(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'run.lock');
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw explainFileError(error, path);
    }
    const owner = Number(await readFile(path, 'utf8').catch(() => ''));
    if (Number.isInteger(owner) && owner > 0 && owner !== process.pid && isAlive(owner)) {
      throw new InputError(
        `train: ${folder} is being trained by process ${owner}; wait for it, or name another folder`,
      );
    }
    await rm(path, { force: true });
  }
  throw new InputError(`train: ${folder} is being started by another process; try again`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
