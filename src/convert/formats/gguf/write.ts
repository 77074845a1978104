import { basename, resolve } from 'node:path';
import { type GgufMetadata, writeGguf } from '../../../checkpoint/index.ts';
import { RefusalError } from '../../../core/errors.ts';
import {
  decoderParameters,
  fitGguf,
  type GgufArchitecture,
  ggufArchitectureOf,
  ggufMetadata,
  type Model,
} from '../../../models/index.ts';
import { ggufPlan } from '../../rules/gguf.ts';
import { untied } from '../../rules/spec.ts';
import { defaultThreads } from '../../write/flow.ts';
import { type OutputTensor, untiedStorage } from '../../write/layout.ts';
import { storedBytes, streamTensors, type WriteOptions } from '../../write/weights.ts';
import type { OutputRequest } from '../format.ts';
import { fileType, ggufTensors } from './tensors.ts';
import { ggufVocabulary } from './vocabulary.ts';

/** A file that is decided and not yet written. */
export interface GgufOutput {
  readonly architecture: GgufArchitecture;
  readonly tensors: readonly OutputTensor[];
  /** What users of the file should know of its vocabulary. */
  readonly notes: readonly string[];
  write(path: string, options: WriteOptions): Promise<void>;
}

/** Decides the file of a plan that `ggufPlan` made; `more` is what its metadata say besides. Throws RefusalError for float64. */
export async function ggufOutput(
  { model, plan, dtype }: Pick<OutputRequest, 'model' | 'plan' | 'dtype'>,
  more: GgufMetadata = {},
): Promise<GgufOutput> {
  const architecture = ggufArchitectureOf(plan.spec.family, model.folder);
  const source = { checkpoint: model.checkpoint, storage: untiedStorage(model) };
  const tensors = ggufTensors({ model, plan, dtype }, architecture, source.storage);
  const vocabulary = await ggufVocabulary(model);
  const metadata: GgufMetadata = {
    ...ggufMetadata(architecture, plan.spec),
    'general.name': { type: 'string', value: basename(resolve(model.folder)) },
    'general.file_type': { type: 'uint32', value: fileType(tensors) },
    ...more,
    ...vocabulary.metadata,
  };
  return {
    architecture,
    tensors,
    notes: vocabulary.note === undefined ? [] : [vocabulary.note],
    write: (path, options) =>
      streamTensors(tensors, source, options, async (files) => {
        await writeGguf(path, metadata, [...files.values()].flat());
      }),
  };
}

/**
 * Writes a model as it is, in float32, as a GGUF file that llama.cpp runs; a tied head that no architecture takes as it is
 * becomes a matrix of its own. Throws RefusalError where none computes the model, InputError where the disk is full.
 */
export async function writeGgufModel(model: Model, path: string): Promise<void> {
  const tied = fitGguf(model.spec);
  const fit = tied.fits ? tied : fitGguf(untied(model.spec));
  if (!fit.fits) {
    throw new RefusalError(
      `${model.folder}: llama.cpp computes no such decoder: the nearest of its architectures, ${fit.reason}`,
    );
  }
  const rules = decoderParameters(model.spec).map(
    ({ name, shape }) => ({ name, shape, from: 'source', steps: [] }) as const,
  );
  const plan = ggufPlan({ source: model.spec, spec: model.spec, rules }, fit.spec);
  const { tensors, write } = await ggufOutput({ model, plan, dtype: 'float32' });
  const threads = defaultThreads(tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0));
  // Threads start from compiled code; a benchmark may run from source.
  await write(path, { signal: new AbortController().signal, threads: import.meta.url.endsWith('.ts') ? 0 : threads });
}
