import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { readJson } from '../core/files.ts';
import { normlabVersion } from '../core/version.ts';
import { type EngineInfo, engineInfo } from '../engine/index.ts';
import type { Corpus } from '../text/index.ts';
import { parseConfig, type TrainConfig } from './config.ts';

const formatVersion = 1;

/** The contents of `run.json`: what a run is made of, and how often it was started. */
export interface RunRecord {
  readonly formatVersion: number;
  readonly config: TrainConfig;
  readonly corpus: {
    readonly name: string;
    readonly sha256: string;
    readonly trainBytes: number;
    readonly validationBytes: number;
  };
  /** The version of normlab that started or resumed it last. */
  readonly normlab: string;
  /** The machine and what computes on it; `threads` is fixed for all attempts. */
  readonly engine: EngineInfo & { readonly threads: number };
  readonly createdAt: string;
  /** How often the run was started or resumed. */
  readonly attempt: number;
}

const recordSchema = z.strictObject({
  formatVersion: z.literal(formatVersion),
  config: z.unknown(),
  corpus: z.strictObject({ name: z.string(), sha256: z.string(), trainBytes: z.int(), validationBytes: z.int() }),
  normlab: z.string(),
  engine: z.strictObject({
    onnxruntime: z.string(),
    node: z.string(),
    platform: z.string(),
    cpu: z.string(),
    processors: z.int(),
    memoryBytes: z.int(),
    threads: z.int().positive(),
  }),
  createdAt: z.string(),
  attempt: z.int().positive(),
});

/** The record of a run that starts now, or goes on. */
export function runRecord(
  config: TrainConfig,
  corpus: Corpus,
  attempt: number,
  engine: { readonly threads: number },
  previous: RunRecord | null,
): RunRecord {
  return {
    formatVersion,
    config,
    corpus: {
      name: corpus.name,
      sha256: corpus.sha256,
      trainBytes: corpus.train.length,
      validationBytes: corpus.validation.length,
    },
    normlab: normlabVersion(),
    engine: { ...engineInfo(), threads: engine.threads },
    createdAt: previous?.createdAt ?? new Date().toISOString(),
    attempt,
  };
}

/** Reads `run.json`. Throws an `InputError` where it is missing or malformed. */
export async function readRunRecord(folder: string): Promise<RunRecord> {
  const path = join(folder, 'run.json');
  const parsed = recordSchema.safeParse(await readJson(path));
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new InputError(
      `${path}: ${issue?.path.join('.')}: ${issue?.message.replace(/\s+/g, ' ')}; was the file edited? Restore it, or --force to start over`,
    );
  }
  return { ...parsed.data, config: parseConfig(parsed.data.config, path) };
}
