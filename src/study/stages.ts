import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { codeOf, explainFileError } from '../core/fileErrors.ts';
import { readJson, writeJsonAtomically } from '../core/files.ts';
import { lockFolder } from '../core/lock.ts';
import { makeFolder } from '../core/makeFolder.ts';
import { quote } from '../core/quote.ts';

const formatVersion = 1;
const lockName = 'study.lock';

const stageSchema = z.strictObject({ key: z.string(), seconds: z.number(), result: z.unknown() });
const studySchema = z.looseObject({ formatVersion: z.number(), profile: z.string() });

/** What a study writes, in the order in which it can be removed: a folder without `study.json` is nobody's study. */
const studyFiles = ['report.html', 'report.md', 'report.json', 'plots', 'converted', 'runs', 'stages', 'study.json'];

/** A study's folder: what is finished is kept in it, so that a study that was stopped goes on where it was. */
export interface StudyFolder {
  /** The result of a part; computed and kept unless it is there from the same inputs, in which `run` is not called. */
  stage<T>(name: string, inputs: unknown, read: (value: unknown) => T | null, run: () => Promise<T>): Promise<T>;
  /** What all parts took, over all attempts. */
  seconds(): number;
  /** Lets other processes use the folder. */
  close(): Promise<void>;
}

/**
 * Opens a study's folder, or makes it, and keeps other processes out until it is closed.
 *
 * Throws an `InputError` where the folder holds something else or the study of another profile, or where another process
 * has it open; `force` starts over, and leaves what is not part of the study.
 */
export async function openStudyFolder(folder: string, profile: string, force: boolean): Promise<StudyFolder> {
  if (folder === '') throw new InputError('study: the name of its folder is empty; name one with --out');
  const marker = join(folder, 'study.json');
  const names = await namesIn(folder);
  if (names.length > 0 && !names.includes('study.json')) {
    throw new InputError(
      `study: ${folder} holds something that is no study (${quote(names[0] ?? '')}); name another folder with --out`,
    );
  }
  if (names.length > 0) {
    const known = await readMarker(marker);
    if (!force && (known.profile !== profile || known.formatVersion !== formatVersion)) {
      const version = known.formatVersion === formatVersion ? '' : ', by another version of normlab';
      throw new InputError(
        `study: ${folder} holds a study of the profile ${quote(known.profile)}${version}, not ${quote(profile)}; name another folder, or --force to start over`,
      );
    }
  }
  await makeFolder(folder);
  const close = await lockFolder(folder, { file: lockName, what: 'study', doing: 'written' });
  try {
    if (force) await removeStudy(folder);
    await writeJsonAtomically(marker, { formatVersion, profile });
    await makeFolder(join(folder, 'stages'));
  } catch (error) {
    await close();
    throw error;
  }
  let total = 0;
  return {
    seconds: () => total,
    close,
    async stage(name, inputs, read, run) {
      const path = join(folder, 'stages', `${name}.json`);
      const key = createHash('sha256').update(JSON.stringify(inputs)).digest('hex');
      const kept = await readStage(path, key);
      const known = kept === null ? null : read(kept.result);
      if (kept !== null && known !== null) {
        total += kept.seconds;
        return known;
      }
      const started = performance.now();
      const result = await run();
      const seconds = (performance.now() - started) / 1000;
      await writeJsonAtomically(path, { key, seconds, result });
      total += seconds;
      return result;
    },
  };
}

/** A part's result, or null where there is none from these inputs. */
async function readStage(path: string, key: string): Promise<z.infer<typeof stageSchema> | null> {
  const value = await readJson(path).catch(() => null);
  const parsed = stageSchema.safeParse(value);
  return parsed.success && parsed.data.key === key ? parsed.data : null;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown): string[] => {
    if (codeOf(error) === 'ENOENT') return [];
    throw explainFileError(error, folder);
  });
  // What a study that was killed before it had a marker leaves.
  return names.filter((name) => !name.startsWith('.study.json.') && !name.startsWith(lockName));
}

async function readMarker(path: string): Promise<z.infer<typeof studySchema>> {
  const parsed = studySchema.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw new InputError(`${path}: is not the record of a study, so its folder is not used; name another with --out`);
}

async function removeStudy(folder: string): Promise<void> {
  for (const name of studyFiles) {
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      throw explainFileError(error, join(folder, name));
    });
  }
}
