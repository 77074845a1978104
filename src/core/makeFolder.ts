import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError } from './errors.ts';
import { codeOf, explainFileError } from './fileErrors.ts';

/** Makes a folder, with its parents, unless it is there. Throws InputError where a file is, or none can be made. */
export async function makeFolder(folder: string): Promise<void> {
  if (folder === '') throw new InputError('the path of the folder to make is empty');
  await make(resolve(folder), true).catch((error: unknown) => {
    if (codeOf(error) === 'EEXIST') throw new InputError(`${folder}: is no folder; name another one`, { cause: error });
    if (codeOf(error) === 'ENOENT') {
      throw new InputError(`${folder}: no folder can be made there; name another one`, { cause: error });
    }
    throw explainFileError(error, folder);
  });
}

/** Node's own recursion never ends where a file system such as /proc takes no folders. */
async function make(path: string, parents: boolean): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await isFolder(path))) return;
    if (codeOf(error) !== 'ENOENT' || !parents || dirname(path) === path) throw error;
    await make(dirname(path), true);
    await make(path, false);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
