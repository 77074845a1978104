import { statfs } from 'node:fs/promises';
import { InputError } from './errors.ts';
import { formatBytes } from './format.ts';

/**
 * Throws InputError where a file system has less room than so many bytes, before hours are spent on filling it. `folder`
 * must exist; `name` is what the message calls the target. One that doesn't tell its size is trusted.
 */
export async function checkFreeSpace(folder: string, bytes: number, name = folder): Promise<void> {
  const { blocks, bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (blocks === 0 || bytes <= free) return;
  throw new InputError(
    `${name}: takes ${formatBytes(bytes)}, but only ${formatBytes(free)} are free there; free some space or write elsewhere`,
  );
}
