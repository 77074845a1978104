import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError, messageOf } from '../core/errors.ts';
import { readJson, writeJsonAtomically } from '../core/files.ts';

const formatVersion = 1;

const stageSchema = z.strictObject({ key: z.string(), seconds: z.number(), result: z.unknown() });
const studySchema = z.strictObject({ formatVersion: z.literal(formatVersion), profile: z.string() });

/** A study's folder: what is finished is kept in it, so that a study that was stopped goes on where it was. */
export interface StudyFolder {
  /** The result of a part; computed and kept unless it is there from the same inputs, in which `run` is not called. */
  stage<T>(name: string, inputs: unknown, read: (value: unknown) => T | null, run: () => Promise<T>): Promise<T>;
  /** What all parts took, over all attempts. */
  seconds(): number;
}

/**
 * Opens a study's folder, or makes it.
 *
 * Throws an `InputError` where the folder holds something else or the study of another profile; `force` starts over.
 */
export async function openStudyFolder(folder: string, profile: string, force: boolean): Promise<StudyFolder> {
  const marker = join(folder, 'study.json');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException): string[] => {
    if (error.code === 'ENOENT') return [];
    throw new InputError(`study: ${folder} can't be used: ${messageOf(error)}`);
  });
  if (names.length > 0 && !names.includes('study.json')) {
    throw new InputError(
      `study: ${folder} holds something that is no study (${names[0]}); name another folder with --out`,
    );
  }
  if (names.length > 0) {
    const parsed = studySchema.safeParse(await readJson(marker));
    const known = parsed.success ? parsed.data.profile : 'unknown';
    if (force) await rm(folder, { recursive: true, force: true });
    else if (known !== profile) {
      throw new InputError(
        `study: ${folder} holds a study of the profile ${known}, not ${profile}; name another folder, or --force to start over`,
      );
    }
  }
  await mkdir(join(folder, 'stages'), { recursive: true }).catch((error: unknown) => {
    throw new InputError(`study: ${folder} can't be made: ${messageOf(error)}`);
  });
  await writeJsonAtomically(marker, { formatVersion, profile });
  let total = 0;
  return {
    seconds: () => total,
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
