import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { codeOf, explainFileError } from '../core/fileErrors.ts';
import { readJson } from '../core/files.ts';
import { quote } from '../core/quote.ts';
import type { Corpus } from '../text/index.ts';
import type { TrainConfig } from './config.ts';
import { type EndLine, readEnd } from './metrics.ts';
import { type RunRecord, readRunRecord } from './record.ts';

/** The file that says which process trains in a run folder. */
export const lockName = 'run.lock';

/** What makes up a run folder, in the order in which it can be removed: the metrics know the run as ended. */
const runFiles = ['metrics.jsonl', 'model', 'samples.txt', 'checkpoint', 'run.json'];

/** The run that a folder holds. */
export interface FoundRun {
  readonly record: RunRecord;
  /** Null for a run that has not ended. */
  readonly end: EndLine | null;
}

export interface RunRequest {
  readonly folder: string;
  readonly config: TrainConfig;
  readonly corpus: Corpus;
  /** Whatever run is there will be replaced. */
  readonly force?: boolean;
}

/**
 * Looks at what is in a run folder, and changes nothing; null where a run can start.
 *
 * Throws an `InputError` where the folder holds something else, or a run with another configuration or text.
 */
export async function findRun({ folder, config, corpus, force = false }: RunRequest): Promise<FoundRun | null> {
  const names = (await namesIn(folder)).filter((name) => !isLeftover(name));
  if (names.length === 0) return null;
  if (!names.includes('run.json')) {
    throw new InputError(
      `train: ${folder} holds something that is no run (${quote(names[0] ?? '')}); name another folder`,
    );
  }
  if (force) {
    if (!names.includes('metrics.jsonl')) await requireRun(folder);
    return null;
  }
  const record = await readRunRecord(folder);
  // Where the text lies may change, as long as its bytes are the same.
  const difference = firstDifference({ ...record.config, text: null }, { ...config, text: null });
  if (difference !== null) {
    throw new InputError(
      `train: ${folder} holds a run with another ${difference}; name another folder, or --force to start over`,
    );
  }
  if (record.corpus.sha256 !== corpus.sha256) {
    throw new InputError(
      `train: the text is not the one that the run in ${folder} was started with (${record.corpus.name}, ` +
        `${record.corpus.trainBytes + record.corpus.validationBytes} bytes); restore it, or --force to start over`,
    );
  }
  return { record, end: await readEnd(join(folder, 'metrics.jsonl')) };
}

/** Removes a run from its folder, and leaves what is not part of it. */
export async function removeRun(folder: string): Promise<void> {
  for (const name of runFiles) {
    await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
      throw explainFileError(error, join(folder, name));
    });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw explainFileError(error, folder);
  });
}

/** What a run that was killed before it had a record leaves. */
function isLeftover(name: string): boolean {
  return name.startsWith(lockName) || name.startsWith('.run.json.');
}

/** Throws an `InputError` unless `run.json` is a training run's, if only of another version. */
async function requireRun(folder: string): Promise<void> {
  const path = join(folder, 'run.json');
  const value = await readJson(path);
  const isRun =
    typeof value === 'object' && value !== null && 'formatVersion' in value && 'config' in value && 'corpus' in value;
  if (!isRun) throw new InputError(`${path}: is not the record of a run, so the folder is not replaced; name another`);
}

/** The path of the first value in which two configurations differ, with both values; null where they are the same. */
export function firstDifference(a: unknown, b: unknown, path = ''): string | null {
  if (Object.is(a, b)) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return `${path} (${JSON.stringify(a)}, now ${JSON.stringify(b)})`;
  }
  const [left, right] = [new Map(Object.entries(a)), new Map(Object.entries(b))];
  for (const key of new Set([...left.keys(), ...right.keys()])) {
    const difference = firstDifference(left.get(key), right.get(key), path === '' ? key : `${path}.${key}`);
    if (difference !== null) return difference;
  }
  return null;
}
