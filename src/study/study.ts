import { join } from 'node:path';
import { formatDuration } from '../core/format.ts';
import { normlabVersion } from '../core/version.ts';
import { engineInfo } from '../engine/index.ts';
import { answer, parseResults, readPart, type StudyResults, schemaVersion, writeReport } from '../report/index.ts';
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
import { evidenceResults } from './evidence.ts';
import type { StudyOptions, StudyResult } from './options.ts';
import { findProfile, type Profile } from './profiles.ts';
import { measureSpeed } from './speed.ts';
import { openStudyFolder, type StudyFolder } from './stages.ts';
import { trainingResults } from './training.ts';

/** What `runStudy` of this part's door does. */
export async function runStudy(options: StudyOptions): Promise<StudyResult> {
  const profile = typeof options.profile === 'string' ? findProfile(options.profile) : options.profile;
  const text = options.text ?? null;
  const config = parseConfig({ ...profile.config, text }, 'study');
  const corpus = await loadCorpus(text);
  // Refused before anything is measured or written.
  requireText(config, corpus);
  const folder = await openStudyFolder(options.out, profile.id, options.force ?? false);
  try {
    return await runParts({ profile, config, corpus, folder }, options);
  } finally {
    await folder.close();
  }
}

interface Plan {
  readonly profile: Profile;
  readonly config: TrainConfig;
  readonly corpus: Corpus;
  readonly folder: StudyFolder;
}

async function runParts({ profile, config, corpus, folder }: Plan, options: StudyOptions): Promise<StudyResult> {
  const { out, signal } = options;
  const version = normlabVersion();
  const say = (part: string) => (line: string) => options.onProgress?.(part, line);
  const skips = new Set(options.skip ?? []);
  const skipped = 'it was left out on request';

  // Timing comes first: nothing else runs beside it.
  const speed = skips.has('speed')
    ? null
    : await folder.stage('speed', { version, speed: profile.speed }, readPart.speed, () =>
        measureSpeed(profile.speed, say('speed'), signal),
      );
  signal?.throwIfAborted();

  const inputs = { version, config, norms: profile.norms, seeds: profile.seeds, corpus: corpus.sha256 };
  const runs = join(out, 'runs');
  const training = skips.has('training')
    ? null
    : await folder.stage('training', inputs, readPart.training, async () => {
        const comparison: Comparison = await compare({
          folder: runs,
          norms: profile.norms,
          seeds: profile.seeds,
          config,
          corpus,
          ...(signal === undefined ? {} : { signal }),
          onProgress: (progress) => say('training')(describeTraining(progress)),
        });
        return trainingResults(comparison, config, corpus);
      });
  signal?.throwIfAborted();

  const reference = training?.norms.find(({ id }) => id === training.baseline)?.runs.find((run) => !run.diverged);
  const conversions =
    skips.has('conversions') || reference === undefined
      ? null
      : await folder.stage('conversions', { ...inputs, dtypes: profile.conversionDTypes }, readPart.conversions, () =>
          studyConversions({
            model: join(runs, `layernorm-seed${reference.seed}`, 'model'),
            label: `the study's own LayerNorm model, seed ${reference.seed}`,
            folder: join(out, 'converted'),
            config,
            corpus,
            dtypes: profile.conversionDTypes,
            ...(signal === undefined ? {} : { signal }),
            onProgress: say('conversions'),
          }),
        );

  say('report')('writing');
  const noReference = skips.has('conversions') ? skipped : 'there is no trained LayerNorm model to convert';
  const results = parseResults({
    schemaVersion,
    profile: profile.id,
    createdAt: new Date().toISOString(),
    normlabVersion: version,
    machine: machine(),
    elapsedSeconds: folder.seconds(),
    commands: [reproduce(profile.id, options)],
    training,
    speed,
    conversions,
    evidence: evidenceResults(),
    notMeasured: {
      ...(training === null ? { training: skipped } : {}),
      ...(speed === null ? { speed: skipped } : {}),
      ...(conversions === null ? { conversions: noReference } : {}),
    },
  });
  const files = await writeReport(out, results);
  return { answer: answer(results), results, files, elapsedSeconds: folder.seconds() };
}

function describeTraining({ finishedRuns, runs, active, remainingSeconds }: CompareProgress): string {
  const running = active.map(({ name, progress }) => `${name} ${Math.round((100 * progress.step) / progress.steps)}%`);
  const left = remainingSeconds === null ? [] : [`${formatDuration(remainingSeconds)} left`];
  return [`${finishedRuns}/${runs} runs`, ...running, ...left].join(' · ');
}

function machine(): StudyResults['machine'] {
  const { cpu, processors, memoryBytes, platform, node, onnxruntime } = engineInfo();
  return { cpu, cores: processors, memoryGiB: memoryBytes / 2 ** 30, platform, node, onnxruntime };
}

function reproduce(profile: string, { text, skip }: StudyOptions): string {
  const files = text ? ` --text ${text.join(' ')}` : '';
  const left = skip?.length ? ` --skip ${skip.join(',')}` : '';
  return `npx normlab study --profile ${profile}${files}${left}`;
}
