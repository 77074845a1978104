import { join } from 'node:path';
import type { FloatDType } from '../core/dtype.ts';
import { CheckFailedError, InputError } from '../core/errors.ts';
import { createFolderAtomically, writeJsonAtomically } from '../core/files.ts';
import { normlabVersion } from '../core/version.ts';
import { cpuEngine } from '../engine/index.ts';
import { opsets } from '../graph/index.ts';
import { type Model, openModel } from '../models/index.ts';
import { certify } from './certificate/certify.ts';
import { certificateInputs, type InputsOptions } from './certificate/inputs.ts';
import { failures } from './certificate/limits.ts';
import { type Certificate, type CertificateInputs, certificateFormatVersion } from './certificate/schema.ts';
import { checkMemory, checkPlaces } from './checks.ts';
import type { Format, FormatOutput } from './formats/format.ts';
import { earlierExport } from './formats/onnx/earlier.ts';
import { type ConversionFormat, defaultFormat, formatOf, formatPlan } from './formats/registry.ts';
import type { ConversionTarget, RewriteOptions, StoredDType } from './options.ts';
import { nothingToDo } from './refuse.ts';
import { storedParameters } from './rules/apply.ts';
import { describeRule } from './rules/describe.ts';
import type { ConversionPlan } from './rules/plan.ts';
import { canFold } from './verdict.ts';
import { byteProgress, defaultThreads, shareProgress, together } from './write/flow.ts';
import { type OutputTensor, storedDType, untiedStorage } from './write/layout.ts';
import { hashSource, type SourceHash, sourceBytes } from './write/source.ts';
import { storedBytes } from './write/weights.ts';

export interface ConvertOptions extends RewriteOptions {
  /** Folder of the model to convert. */
  readonly source: string;
  /** Folder to create. */
  readonly out: string;
  readonly target: ConversionTarget;
  /** Default `hf`; `normlab` for `crmsnorm` and for sources in that format. */
  readonly format?: ConversionFormat | undefined;
  /** Default `source`: each tensor keeps its own. */
  readonly dtype?: StoredDType | undefined;
  /** The ONNX operator set of a graph, one of `opsets`. Only for the format `onnx`. Default 23. */
  readonly opset?: number | undefined;
  /** Replace an existing model's folder. Default false. */
  readonly force?: boolean | undefined;
  /** Measure how equal the result is, and keep it only if it passes. Default true. */
  readonly certify?: boolean | undefined;
  /** What the certificate compares on. Default: random ids of seed 0. */
  readonly inputs?: InputsOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a line that says where the work stands. */
  readonly onProgress?: ((line: string) => void) | undefined;
  /** Threads that compute beside this one, which reads, hashes and writes. Default: one for each core up to 4; 0 for small models. */
  readonly threads?: number | undefined;
  /** Elements that each of them has in memory at once where a matrix is transposed. Default 2²², 32 MiB as float64. */
  readonly maxElements?: number | undefined;
}

export interface ConvertedModel {
  readonly status: 'converted';
  /** The folder that was written. */
  readonly path: string;
  readonly target: ConversionTarget;
  readonly format: ConversionFormat;
  /** Whether the head had been the token embedding and got a matrix of its own. */
  readonly untiedHead: boolean;
  /** Whether the decoder subtracts the mean of the embeddings' sum itself. */
  readonly recentresInput: boolean;
  readonly tensorsWritten: number;
  readonly tensorsRewritten: number;
  readonly bytesWritten: number;
  /** The tokenizer, generation and licence files that were copied. */
  readonly copied: readonly string[];
  /** Sentences about what the format could not take over. */
  readonly notes: readonly string[];
  /** Null where none was asked for. */
  readonly certificate: Certificate | null;
}

export type ConversionResult =
  | ConvertedModel
  /** The model is what was asked for; nothing was written. */
  | { readonly status: 'nothing-to-do'; readonly reason: string };

/**
 * Rewrites a Pre-LN model as Pre-RMSNorm or Pre-CRMSNorm with the same function, and certifies it.
 *
 * `out` comes into being as a whole or not at all. Throws RefusalError, one line, for what can't be converted exactly,
 * InputError for a folder that can't be read or written, CheckFailedError where the certificate fails.
 */
export async function convertModel(options: ConvertOptions): Promise<ConversionResult> {
  const { target } = options;
  const { format: askedFormat, opset } = options;
  if (opset !== undefined && !opsets.includes(opset)) {
    throw new InputError(`convert: operator set ${opset} is not written; choose one of ${opsets.join(', ')}`);
  }
  const earlier = await earlierExport(options.source, target);
  if (earlier !== undefined) return { status: 'nothing-to-do', reason: earlier };
  const model = await openModel(options.source);
  try {
    const reason = nothingToDo(model, target, options);
    if (reason !== undefined) return { status: 'nothing-to-do', reason: `${reason}${whatStays(model, options)}` };
    const format = formatOf(askedFormat ?? defaultFormat(model, target));
    const { fold, qkNorms, dtype = 'source' } = options;
    if (opset !== undefined && format.id !== 'onnx') {
      throw new InputError(`convert: an operator set is one of a graph, and format ${format.id} is none`);
    }
    const request = { model, target, rewrites: { fold, qkNorms }, dtype, opset };
    const plan = formatPlan(format, request);
    const output = await format.output({ ...request, plan });
    checkPlaces(options.source, options.out);
    const inputs = options.certify === false ? null : await certificateInputs(model, options.inputs ?? { seed: 0 });
    if (inputs !== null) {
      const isProgram = format.run !== undefined;
      checkMemory([{ ...model, isProgram }], inputs.inputIds, '--no-certify converts without one');
    }
    const force = options.force ?? false;
    return await createFolderAtomically(options.out, { force, marker: modelFiles }, (folder) =>
      build(folder, { model, plan, format, output, inputs }, options),
    );
  } finally {
    await model.checkpoint.close();
  }
}

/** That a format or an element type was asked for which the model, whose norms need no conversion, has not. */
function whatStays(model: Model, { target, format, dtype = 'source', ...asked }: ConvertOptions): string {
  const { family, checkpoint, tensors } = model;
  const isFormat = format === (family.id === 'normlab' ? 'normlab' : 'hf') || format === family.id;
  const isDType = dtype === 'source' || tensors.every(({ name }) => checkpoint.tensors.get(name)?.dtype === dtype);
  if ((format === undefined || isFormat) && isDType) return '';
  const advice = canFold(model, target, asked) ? ' (--fold rewrites it)' : '';
  return `: what is not rewritten keeps its format and element type${advice}`;
}

/** A folder that holds one of these is a model's, and may be replaced when that is asked for. */
const modelFiles = ['config.json', 'model.gguf'];

interface Decided {
  readonly model: Model;
  readonly plan: ConversionPlan;
  readonly format: Format<ConversionFormat>;
  readonly output: FormatOutput;
  /** Null where nothing is to be certified. */
  readonly inputs: CertificateInputs | null;
}

async function build(
  folder: string,
  { model, plan, format, output, inputs }: Decided,
  options: ConvertOptions,
): Promise<ConvertedModel> {
  const { target, signal = new AbortController().signal, onProgress } = options;
  const { tensors } = output;
  const bytesWritten = tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0);

  const { maxElements, threads = defaultThreads(bytesWritten) } = options;
  const progress = byteProgress([await sourceBytes(model), bytesWritten], onProgress);
  const [source] = await together(signal, [
    (stop) => hashSource(model, { signal: stop, onBytes: progress.onRead }),
    (stop) => output.writeWeights(folder, { signal: stop, maxElements, threads, onBytes: progress.onWritten }),
  ]);
  const { copied, notes } = await output.writeRest(folder, source);
  const context = { folder, model, plan, format, tensors, source };
  const certificate = inputs === null ? null : await makeCertificate(context, inputs, options);
  if (certificate !== null) await writeJsonAtomically(join(folder, 'certificate.json'), certificate);
  return {
    status: 'converted',
    path: options.out,
    target,
    format: format.id,
    untiedHead: isUntied(model, plan),
    recentresInput: plan.spec.recentreInput === true,
    tensorsWritten: new Set(tensors.map(({ name }) => name)).size,
    tensorsRewritten: plan.rules.filter(({ steps }) => steps.length > 0).length,
    bytesWritten,
    copied,
    notes,
    certificate,
  };
}

interface Written {
  readonly folder: string;
  readonly model: Model;
  readonly plan: ConversionPlan;
  readonly format: Format<ConversionFormat>;
  readonly tensors: readonly OutputTensor[];
  readonly source: SourceHash;
}

/** Throws CheckFailedError, which says what is off and by how much, unless everything passes. */
async function makeCertificate(
  { folder, model, plan, format, tensors, source }: Written,
  inputs: CertificateInputs,
  { target, signal, onProgress, ...options }: ConvertOptions,
): Promise<Certificate> {
  const storage = untiedStorage(model);
  const written = await format.open(folder);
  const { run } = format;
  const measurements = await certify({
    plan,
    source: storedParameters(model.checkpoint, storage),
    dtypes: new Map(tensors.map(({ rule, dtype }) => [rule.name, dtype])),
    sourceDTypes: new Map([...storage.keys()].map((name) => [name, storedDType(model, storage, name)])),
    written,
    runWritten: run && ((spec, inputIds) => run(folder, spec, inputIds)),
    inputIds: inputs.inputIds,
    isText: inputs.kind === 'text',
    engine: cpuEngine(),
    signal,
    onProgress: shareProgress('checking', onProgress),
  }).finally(() => written.close());
  if (!measurements.passed) {
    throw new CheckFailedError(`${options.out}: not written: ${failures(measurements).join('; ')}`);
  }
  const { norm, finalNorm } = plan.spec;
  return {
    formatVersion: certificateFormatVersion,
    normlabVersion: normlabVersion(),
    source: { family: model.family.id, ...source },
    target,
    format: format.id,
    dtypes: dtypesOf(tensors),
    epsilon: { blocks: norm.epsilon, final: (finalNorm ?? norm).epsilon },
    untiedHead: isUntied(model, plan),
    rules: tensors.map(({ name, rule, dtype }) => ({
      tensor: name,
      parameter: rule.name,
      rule: describeRule(rule),
      dtype,
    })),
    inputs,
    ...measurements,
  };
}

function isUntied(model: Model, plan: ConversionPlan): boolean {
  return model.spec.tiedHead && !plan.spec.tiedHead;
}

function dtypesOf(tensors: readonly OutputTensor[]): readonly FloatDType[] {
  return [...new Set(tensors.map(({ dtype }) => dtype))].sort();
}
