import { join } from 'node:path';
import { conversionTargets, convertModel } from '../convert/index.ts';
import { CheckFailedError } from '../core/errors.ts';
import type { ConversionResult } from '../report/index.ts';
import type { Corpus } from '../text/index.ts';
import type { TrainConfig } from '../train/index.ts';
import { certificateFigures } from './certificate.ts';
import { heldOutLoss } from './held-out.ts';
import type { Profile } from './profiles.ts';

export interface ConversionStudy {
  /** The trained LayerNorm model's folder, and what it is called in the report. */
  readonly model: string;
  readonly label: string;
  /** Where converted models go. */
  readonly folder: string;
  readonly config: TrainConfig;
  readonly corpus: Corpus;
  readonly dtypes: Profile['conversionDTypes'];
  readonly signal?: AbortSignal;
  readonly onProgress?: (what: string) => void;
}

/** Converts a trained LayerNorm model to both targets, certifies the results and measures their loss on held-out text. */
export async function studyConversions(study: ConversionStudy): Promise<readonly ConversionResult[]> {
  const { model, corpus, config, signal } = study;
  const validationLossBefore = await heldOutLoss(model, config, corpus);
  const results: ConversionResult[] = [];
  for (const target of conversionTargets) {
    for (const dtype of study.dtypes) {
      signal?.throwIfAborted();
      study.onProgress?.(`${target}, ${dtype === 'source' ? 'float32' : dtype}`);
      const out = join(study.folder, `${target}-${dtype === 'source' ? 'float32' : dtype}`);
      const converted = await convertModel({ source: model, out, target, dtype, force: true, signal });
      if (converted.status !== 'converted' || converted.certificate === null) {
        throw new CheckFailedError(`study: ${study.label} was not converted to ${target}`);
      }
      results.push({
        source: study.label,
        target,
        dtype: converted.certificate.dtypes.join(', '),
        certificate: certificateFigures(converted.certificate),
        validationLossBefore,
        validationLossAfter: await heldOutLoss(out, config, corpus),
        tensorsRewritten: converted.tensorsRewritten,
        note: `${converted.certificate.rules.length} tensors written, ${converted.untiedHead ? 'head untied' : 'head as it was'}`,
      });
    }
  }
  return results;
}
