import { InputError, NormlabError } from './errors.ts';

const fileErrors: Readonly<Record<string, string>> = {
  ENOSPC: 'disk full; free some space or write elsewhere',
  EDQUOT: 'disk quota exceeded; free some space or write elsewhere',
  EFBIG: 'the file system or a limit allows no file of this size',
  EROFS: 'the file system is read-only; write elsewhere',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOENT: 'no such file or folder',
  ENOTDIR: 'a part of this path is a file, expected a folder',
  EISDIR: 'is a folder, expected a file',
  ENOTEMPTY: 'exists; use --force to replace it',
  EEXIST: 'exists; use --force to replace it',
  ENAMETOOLONG: 'the name is too long for the file system',
  ELOOP: 'its links lead in a circle',
  EIO: 'the disk could not be read or written (input/output error)',
  EBUSY: 'is in use by the system',
  EMFILE: 'too many open files; raise the limit (ulimit -n)',
};

/**
 * The InputError that says in one line what the file system refused, for the errors that a user can act on; anything else
 * as it came. `path` is named where the error names none, or names `temporary`.
 */
export function explainFileError(error: unknown, path: string, temporary?: string): unknown {
  if (error instanceof NormlabError) return error;
  const text = fileErrors[codeOf(error) ?? ''];
  if (text === undefined) return error;
  const named = error instanceof Error && 'path' in error ? String(error.path) : path;
  return new InputError(`${named === temporary ? path : named}: ${text}`, { cause: error });
}

/** The code of a file system error: `ENOENT`, `EACCES`, … */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
