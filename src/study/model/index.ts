/** The part of a study that is about one model: what it is, what it converts to, and what that does to its time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { conversionTargets, conversionVerdict } from '../../convert/index.ts';
import { InputError } from '../../core/errors.ts';
import { type ModelConversion, type ModelResults, type ModelTiming, readPart } from '../../report/index.ts';
import { type Corpus, loadSotu, readTextStart } from '../../text/index.ts';
import type { Profile } from '../profiles.ts';
import type { StudyFolder } from '../stages.ts';
import {
  comparedTokens,
  convertSubject,
  missingTokenizer,
  plannedConversions,
  type SubjectText,
} from './conversions.ts';
import { describeSubject, openSubject, type StudySubject } from './subject.ts';
import { timeModel } from './timing.ts';

export { openSubject, type StudySubject };

export interface ModelStudy {
  readonly subject: StudySubject;
  readonly folder: StudyFolder;
  /** The study's folder. */
  readonly out: string;
  readonly profile: Profile;
  readonly version: string;
  /** The file that perplexities are measured on; null: speeches that come with normlab. */
  readonly text: string | null;
  readonly skips: ReadonlySet<string>;
  readonly say: (part: string) => (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** More bytes than nearly any of the compared tokens has. */
const bytesOfText = 64 * comparedTokens;

/** Throws InputError for a file that perplexities can't be measured on. */
export async function checkText(path: string): Promise<void> {
  if ((await readTextStart(path, bytesOfText)).trim() === '') throw new InputError(`${path}: holds no text`);
}

/** Measures all that the report says of one model. Parts that are there from the same model are taken from the folder. */
export async function studyModel(study: ModelStudy): Promise<ModelResults> {
  const { subject, skips } = study;
  const verdicts = conversionTargets.map((target) => conversionVerdict(subject, target));
  const timed = skips.has('speed')
    ? { timing: null, notTimed: 'it was left out on request' }
    : await timeOf(study, verdicts);
  study.signal?.throwIfAborted();
  return { ...describeSubject(subject), ...(await conversionsOf(study, verdicts)), ...timed };
}

type Verdicts = readonly ReturnType<typeof conversionVerdict>[];

async function timeOf(
  { subject, folder, profile, version, say, signal }: ModelStudy,
  verdicts: Verdicts,
): Promise<{ readonly timing: ModelTiming | null; readonly notTimed: string | null }> {
  const inputs = { version, model: subject.identity, plan: profile.model };
  try {
    const timing = await folder.stage('model-time', inputs, readPart.model.timing, () =>
      timeModel(subject, verdicts, profile.model, say('model time'), signal),
    );
    return { timing, notTimed: null };
  } catch (error) {
    // One that doesn't fit in memory, or is over before the clock moves, can still be described and converted.
    if (error instanceof InputError) return { timing: null, notTimed: error.message };
    throw error;
  }
}

async function conversionsOf(
  { subject, folder, out, version, text, skips, say, signal }: ModelStudy,
  verdicts: Verdicts,
): Promise<{ readonly conversions: readonly ModelConversion[]; readonly noPerplexity: string | null }> {
  const isWanted = !skips.has('conversions');
  const reason = isWanted ? 'its folder holds no weights' : 'that was left out on request';
  if (!isWanted || subject.weights === null || verdicts.every(({ outcome }) => outcome !== 'converts')) {
    return { conversions: plannedConversions(subject, verdicts, reason), noPerplexity: null };
  }
  const noPerplexity = await missingTokenizer(subject);
  const { read, key } = noPerplexity === null ? await textOf(text) : { read: null, key: null };
  const inputs = { version, model: subject.identity, text: key };
  const kept = (value: unknown) => {
    const known = readPart.model.conversions(value);
    const isThere = known?.every((one) => one.outcome !== 'converted' || existsSync(join(out, one.folder)));
    return isThere ? known : null;
  };
  const conversions = await folder.stage('model-conversions', inputs, kept, () =>
    convertSubject({ subject, verdicts, out, text: read, signal, onProgress: say('model conversions') }),
  );
  return { conversions, noPerplexity };
}

/** The text to compare on, and what stands for it where a part's result is kept. */
async function textOf(path: string | null): Promise<{ readonly read: SubjectText; readonly key: unknown }> {
  if (path !== null) return { read: { path, name: path }, key: await readTextStart(path, bytesOfText) };
  const corpus: Corpus = await loadSotu();
  return { read: { corpus }, key: corpus.sha256 };
}
