import { join } from 'node:path';
import { formatDuration } from '../core/format.ts';
import { normlabVersion } from '../core/version.ts';
import { type ConversionResult, readPart, type TrainingResults } from '../report/index.ts';
import type { Corpus } from '../text/index.ts';
import {
  type CompareProgress,
  type Comparison,
  compare,
  loadCorpus,
  parseConfig,
  requireText,
  type TrainConfig,
} from '../train/index.ts';
import { studyConversions } from './conversion.ts';
import type { StudyOptions } from './options.ts';
import type { Profile } from './profiles.ts';
import type { StudyFolder } from './stages.ts';
import { trainingResults } from './training.ts';

/** What a study trains, and on what text. */
export interface Trained {
  readonly config: TrainConfig;
  readonly corpus: Corpus;
}

interface GeneralPlan {
  readonly profile: Profile;
  readonly folder: StudyFolder;
}

/** Reads the text that a study trains on. Throws InputError where it is too short for the profile. */
export async function trainedOn(profile: Profile, text: readonly string[] | null): Promise<Trained> {
  const config = parseConfig({ ...profile.config, text }, 'study');
  const corpus = await loadCorpus(text);
  requireText(config, corpus);
  return { config, corpus };
}

/** What the results of training follow from. */
function trainingInputs({ config, corpus }: Trained, { profile }: GeneralPlan) {
  return {
    version: normlabVersion(),
    config,
    norms: profile.norms,
    seeds: profile.seeds,
    corpus: corpus.sha256,
  };
}

/** Trains every norm with every seed. */
export function train(
  trained: Trained,
  plan: GeneralPlan,
  { out, signal, onProgress }: StudyOptions,
): Promise<TrainingResults> {
  const { config, corpus } = trained;
  const { norms, seeds } = plan.profile;
  return plan.folder.stage('training', trainingInputs(trained, plan), readPart.training, async () => {
    const comparison: Comparison = await compare({
      folder: join(out, 'runs'),
      norms,
      seeds,
      config,
      corpus,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (progress) => onProgress?.('training', describeTraining(progress)),
    });
    return trainingResults(comparison, config, corpus);
  });
}

/** The conversions of the first LayerNorm model that was trained to its end; null where there is none. */
export async function convertTrained(
  training: TrainingResults | null,
  trained: Trained,
  plan: GeneralPlan,
  { out, signal, onProgress }: StudyOptions,
): Promise<readonly ConversionResult[] | null> {
  const reference = training?.norms.find(({ id }) => id === training.baseline)?.runs.find((run) => !run.diverged);
  if (reference === undefined) return null;
  const { conversionDTypes: dtypes } = plan.profile;
  const inputs = { ...trainingInputs(trained, plan), dtypes };
  return await plan.folder.stage('conversions', inputs, readPart.conversions, () =>
    studyConversions({
      model: join(out, 'runs', `layernorm-seed${reference.seed}`, 'model'),
      label: `the study's own LayerNorm model, seed ${reference.seed}`,
      folder: join(out, 'converted'),
      ...trained,
      dtypes,
      ...(signal === undefined ? {} : { signal }),
      onProgress: (line) => onProgress?.('conversions', line),
    }),
  );
}

function describeTraining({ finishedRuns, runs, active, remainingSeconds }: CompareProgress): string {
  const running = active.map(({ name, progress }) => `${name} ${Math.round((100 * progress.step) / progress.steps)}%`);
  const left = remainingSeconds === null ? [] : [`${formatDuration(remainingSeconds)} left`];
  return [`${finishedRuns}/${runs} runs`, ...running, ...left].join(' · ');
}
