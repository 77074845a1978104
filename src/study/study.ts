import { resolve, sep } from 'node:path';
import { InputError } from '../core/errors.ts';
import { normlabVersion } from '../core/version.ts';
import { engineInfo } from '../engine/index.ts';
import { answer, parseResults, readPart, type StudyResults, schemaVersion, writeReport } from '../report/index.ts';
import { evidenceResults } from './evidence.ts';
import { convertTrained, type Trained, train, trainedOn } from './general.ts';
import { checkText, openSubject, type StudySubject, studyModel } from './model/index.ts';
import { type OptionalPart, optionalParts, type StudyOptions, type StudyResult } from './options.ts';
import { findProfile, type Profile } from './profiles.ts';
import { measureSpeed } from './speed.ts';
import { openStudyFolder, type StudyFolder } from './stages.ts';

/** What `runStudy` of this part's door does. */
export async function runStudy(options: StudyOptions): Promise<StudyResult> {
  const profile = typeof options.profile === 'string' ? findProfile(options.profile) : options.profile;
  const skips = leftOut(options);
  const text = options.text ?? null;
  // Whatever is wrong with what was given is refused before anything is measured or written.
  const subject = options.model === undefined ? null : await openSubject(options.model);
  if (subject !== null) {
    keepApart(subject.folder, options.out);
    if (text?.[0] !== undefined) await checkText(text[0]);
  }
  const trained = skips.has('training') && subject !== null ? null : await trainedOn(profile, text);
  const folder = await openStudyFolder(options.out, profile.id, options.force ?? false);
  try {
    return await runParts({ profile, trained, subject, folder, skips }, options);
  } finally {
    await folder.close();
  }
}

interface Plan {
  readonly profile: Profile;
  /** Null where nothing is trained. */
  readonly trained: Trained | null;
  readonly subject: StudySubject | null;
  readonly folder: StudyFolder;
  /** Of the parts on models in general, those that are left out, with the reason. */
  readonly skips: ReadonlyMap<OptionalPart, string>;
}

/** The general parts that are left out, and why: a study of one model has those alone that were asked for. */
function leftOut(options: StudyOptions): ReadonlyMap<OptionalPart, string> {
  const { model, with: wanted = [], skip = [] } = options;
  if (model === undefined && wanted.length > 0) {
    throw new InputError('study: --with adds parts to a study of one model; name its folder with --model');
  }
  if (wanted.includes('conversions') && !wanted.includes('training')) {
    throw new InputError('study: --with conversions converts a model that the study trained; add training');
  }
  const left = optionalParts.flatMap((part): (readonly [OptionalPart, string])[] => {
    if (model !== undefined) {
      return wanted.includes(part) ? [] : [[part, `the study is about one model; --with ${part} adds it`]];
    }
    return skip.includes(part) ? [[part, 'it was left out on request']] : [];
  });
  return new Map(left);
}

/** --force empties a study's folder, and a conversion writes into it. */
function keepApart(model: string, out: string): void {
  const [one, other] = [resolve(model), resolve(out)];
  const holds = (outer: string, inner: string) => outer === inner || inner.startsWith(outer + sep);
  if (!holds(one, other) && !holds(other, one)) return;
  throw new InputError(`study: ${out} and the model ${model} lie in one another; name another folder with --out`);
}

async function runParts(plan: Plan, options: StudyOptions): Promise<StudyResult> {
  const { profile, trained, subject, folder, skips } = plan;
  const { out, signal } = options;
  const version = normlabVersion();
  const say = (part: string) => (line: string) => options.onProgress?.(part, line);

  // Timing comes first: nothing else runs beside it.
  const model =
    subject === null
      ? null
      : await studyModel({
          subject,
          folder,
          out,
          profile,
          version,
          text: options.text?.[0] ?? null,
          skips: new Set(options.skip ?? []),
          say,
          signal,
        });
  signal?.throwIfAborted();

  const speed = skips.has('speed')
    ? null
    : await folder.stage('speed', { version, speed: profile.speed }, readPart.speed, () =>
        measureSpeed(profile.speed, say('speed'), signal),
      );
  signal?.throwIfAborted();

  const training = skips.has('training') || trained === null ? null : await train(trained, plan, options);
  signal?.throwIfAborted();
  const conversions =
    skips.has('conversions') || trained === null ? null : await convertTrained(training, trained, plan, options);

  say('report')('writing');
  const results = parseResults({
    schemaVersion,
    profile: profile.id,
    createdAt: new Date().toISOString(),
    normlabVersion: version,
    machine: machine(),
    elapsedSeconds: folder.seconds(),
    commands: [reproduce(profile.id, options)],
    model,
    training,
    speed,
    conversions,
    evidence: evidenceResults(),
    notMeasured: {
      ...(model === null ? { model: 'no model was named' } : {}),
      ...(conversions === null ? { conversions: 'there is no trained LayerNorm model to convert' } : {}),
      ...Object.fromEntries(skips),
    },
  });
  const files = await writeReport(out, results);
  return { answer: answer(results), results, files, elapsedSeconds: folder.seconds() };
}

function machine(): StudyResults['machine'] {
  const { cpu, processors, memoryBytes, platform, node, onnxruntime } = engineInfo();
  return { cpu, cores: processors, memoryGiB: memoryBytes / 2 ** 30, platform, node, onnxruntime };
}

function reproduce(profile: string, { model, text, skip, with: wanted }: StudyOptions): string {
  const list = (option: string, values: readonly string[], separator: string) =>
    values.length === 0 ? [] : [`--${option} ${values.map(shellWord).join(separator)}`];
  return [
    'npx normlab study',
    ...(model === undefined ? [] : [`--model ${shellWord(model)}`]),
    `--profile ${profile}`,
    ...list('text', text ?? [], ' '),
    ...list('skip', skip ?? [], ','),
    ...list('with', wanted ?? [], ','),
  ].join(' ');
}

/** A word that a shell takes as it is. */
function shellWord(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
