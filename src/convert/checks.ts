import { realpathSync } from 'node:fs';
import { totalmem } from 'node:os';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { RefusalError } from '../core/errors.ts';
import { formatBytes } from '../core/format.ts';
import type { Model } from '../models/index.ts';
import type { InputIds } from './certificate/decoder.ts';
import { certificateBytes, certificateMemory, programBytes } from './certificate/memory.ts';

/** Throws RefusalError where the output would be the source, inside it or around it. */
export function checkPlaces(source: string, out: string): void {
  const from = realPath(resolve(source));
  const to = realPath(resolve(out));
  if (from === to) throw new RefusalError(`${out}: is the source; choose another folder for the converted model`);
  if (contains(from, to)) throw new RefusalError(`${out}: lies inside the source ${source}; choose another folder`);
  if (contains(to, from)) throw new RefusalError(`${out}: holds the source ${source}; choose another folder`);
}

/**
 * Throws RefusalError where decoders can't be compared, each a block at a time, in this machine's memory; one that is
 * written as a program of its own is run as a whole. `advice` says what to do instead.
 */
export function checkMemory(
  models: readonly (Pick<Model, 'folder' | 'spec'> & { readonly isProgram?: boolean })[],
  inputIds: InputIds,
  advice: string,
  availableBytes = totalmem(),
): void {
  for (const { folder, spec, isProgram = false } of models) {
    const needed = certificateBytes(spec, inputIds) + (isProgram ? programBytes(spec, inputIds) : 0);
    if (needed <= availableBytes) continue;
    const what = isProgram ? `${certificateMemory}, and the written program as a whole` : certificateMemory;
    throw new RefusalError(
      `${folder}: the certificate of a model of this size takes ${formatBytes(needed)} of memory (${what}), this machine has ${formatBytes(availableBytes)}; ${advice}`,
    );
  }
}

/** The path with the links of what exists of it resolved. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), basename(path));
  }
}

function contains(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way.split(/[\\/]/)[0] !== '..' && !isAbsolute(way);
}
