import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RefusalError } from '../../../core/errors.ts';
import { readJson } from '../../../core/files.ts';
import type { ConversionTarget } from '../../options.ts';
import { originText, provenanceOf } from '../../provenance.ts';
import { modelPath } from './layout.ts';

/**
 * Why a folder that this format was written to needs no conversion; undefined for any other folder. Throws RefusalError
 * where it was converted to something else.
 */
export async function earlierExport(folder: string, target: ConversionTarget): Promise<string | undefined> {
  const names = await readdir(join(folder, dirname(modelPath))).catch((): readonly string[] => []);
  if (!names.includes(basename(modelPath))) return undefined;
  const config = await readJson(join(folder, 'config.json'));
  const provenance = typeof config === 'object' && config !== null ? provenanceOf({ ...config }) : undefined;
  if (provenance === undefined) return undefined;
  const made = provenance.target ?? 'rmsnorm';
  const origin = `converted ${originText(provenance)}`;
  if (made === target) return `${folder}: is a graph whose norms are ${made} already, ${origin}; nothing to do`;
  throw new RefusalError(`${folder}: is a graph whose norms are ${made}, ${origin}; convert the original instead`);
}
