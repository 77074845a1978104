import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConversionVerdict, type ConvertedModel, convertModel, type InputsOptions } from '../../convert/index.ts';
import { CheckFailedError, InputError, messageOf, RefusalError } from '../../core/errors.ts';
import type { ModelConversion } from '../../report/index.ts';
import { type Corpus, openTokenizer } from '../../text/index.ts';
import { certificateFigures } from '../certificate.ts';
import type { StudySubject } from './subject.ts';

/** What the certificates compare on, and the perplexities are of. */
export type SubjectText =
  | { readonly path: string; readonly name: string }
  /** The held-out part of a corpus. */
  | { readonly corpus: Corpus };

export interface ModelConversionStudy {
  readonly subject: StudySubject;
  readonly verdicts: readonly ConversionVerdict[];
  /** The study's folder: converted models go into `converted/` in it. */
  readonly out: string;
  /** Null where the model has no tokenizer to read one with: random ids are compared then. */
  readonly text: SubjectText | null;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress: (line: string) => void;
}

/** Tokens of the text on which a certificate compares, and of which the perplexities are. */
export const comparedTokens = 256;

/** Why a model's perplexity can't be measured; null where its tokenizer is there. */
export async function missingTokenizer({ folder, spec }: StudySubject): Promise<string | null> {
  if (spec.maxPositions !== null && spec.maxPositions < 2) return 'it has room for one token alone';
  try {
    const tokenizer = await openTokenizer(folder, spec.vocabularySize);
    return tokenizer === undefined ? 'its folder has no tokenizer' : null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
}

/** What a model's conversions would be, where none is made. */
export function plannedConversions(
  { spec }: StudySubject,
  verdicts: readonly ConversionVerdict[],
  reason: string,
): readonly ModelConversion[] {
  return verdicts.map((verdict): ModelConversion => {
    const { target, outcome } = verdict;
    switch (verdict.outcome) {
      case 'converts':
        return { outcome: 'convertible', target, reason };
      case 'nothing-to-do':
        return {
          outcome: verdict.outcome,
          target,
          reason: verdict.foldable
            ? `${verdict.reason}; normlab convert --fold moves the norms’ weights into the next linears`
            : verdict.reason,
        };
      case 'refused':
        return { outcome: verdict.outcome, target, reason: verdict.reason, advice: adviceFor(spec, target) };
      default:
        throw new Error(`study: no verdict is called ${outcome}`);
    }
  });
}

function adviceFor({ placement, norm }: StudySubject['spec'], target: ConversionVerdict['target']): string {
  if (norm.kind.startsWith('rmsnorm')) {
    return target === 'crmsnorm'
      ? 'Keep it as it is: it has the norm with less work already, and a LayerNorm original, where there is one, becomes CRMSNorm directly.'
      : 'Keep it as it is: its norms are RMSNorms.';
  }
  if (norm.kind === 'crmsnorm') return 'Keep it as it is, or convert the LayerNorm original instead.';
  if (placement !== 'pre') {
    return 'Keep its norms, or train a model whose norms stand before the branches; normlab train has both kinds.';
  }
  return 'Keep its norms; normlab inspect says more of its architecture.';
}

/** Converts a model to what it can become, certifies the results and measures perplexities. */
export async function convertSubject(study: ModelConversionStudy): Promise<readonly ModelConversion[]> {
  return await withText(study.text, async (inputs, textName) => {
    const results: ModelConversion[] = [];
    for (const verdict of study.verdicts) {
      study.signal?.throwIfAborted();
      if (verdict.outcome === 'converts') {
        results.push(await convertTo(verdict.target, study, inputs, textName));
      } else {
        results.push(...plannedConversions(study.subject, [verdict], ''));
      }
    }
    return results;
  });
}

/** Gives `work` the certificates' inputs, from a file that is gone afterwards where the text is in memory. */
async function withText<T>(
  text: SubjectText | null,
  work: (inputs: InputsOptions, name: string) => Promise<T>,
): Promise<T> {
  if (text === null) return await work({ seed: 0 }, '');
  if ('path' in text) return await work({ text: text.path, tokens: comparedTokens }, text.name);
  const folder = await mkdtemp(join(tmpdir(), `normlab-study-${process.pid}-`));
  try {
    const path = join(folder, 'held-out.txt');
    await writeFile(path, text.corpus.validation);
    return await work({ text: path, tokens: comparedTokens }, `the ${text.corpus.name} (held out)`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function convertTo(
  target: ConversionVerdict['target'],
  { subject, out: studyFolder, signal, onProgress }: ModelConversionStudy,
  inputs: InputsOptions,
  textName: string,
): Promise<ModelConversion> {
  const folder = `converted/model-${target}`;
  const options = {
    source: subject.folder,
    out: join(studyFolder, folder),
    target,
    force: true,
    inputs,
    signal,
    onProgress: (line: string) => onProgress(`${target}: ${line}`),
  };
  onProgress(target);
  try {
    return resultOf(await convertModel(options), { folder, notCertified: null, textName });
  } catch (error) {
    if (error instanceof CheckFailedError) return { outcome: 'failed', target, reason: error.message };
    // Its architecture was found to convert: what is refused is a certificate that doesn't fit in memory.
    if (!(error instanceof RefusalError)) throw error;
    const converted = await convertModel({ ...options, certify: false });
    return resultOf(converted, { folder, notCertified: messageOf(error).replace(`${subject.folder}: `, ''), textName });
  }
}

function resultOf(
  converted: Awaited<ReturnType<typeof convertModel>>,
  {
    folder,
    notCertified,
    textName,
  }: { readonly folder: string; readonly notCertified: string | null; readonly textName: string },
): ModelConversion {
  if (converted.status !== 'converted') throw new Error(`study: not converted: ${converted.reason}`);
  const { target, format, tensorsWritten, tensorsRewritten, untiedHead, certificate } = converted;
  return {
    outcome: 'converted',
    target,
    folder,
    format,
    dtype: certificate?.dtypes.join(', ') ?? 'its own types',
    tensors: tensorsWritten,
    tensorsRewritten: Math.min(tensorsRewritten, tensorsWritten),
    untiedHead,
    certificate: certificate === null ? null : certificateFigures(certificate),
    notCertified,
    perplexity: perplexityOf(certificate, textName),
  };
}

function perplexityOf(
  certificate: ConvertedModel['certificate'],
  text: string,
): (ModelConversion & { readonly outcome: 'converted' })['perplexity'] {
  if (certificate === null || certificate.perplexity === null) return null;
  const { sourceRun, run } = certificate.perplexity;
  return { text, tokens: certificate.inputs.inputIds.flat().length, before: sourceRun, after: run };
}
