import type { FloatDType } from '../core/dtype.ts';
import { InputError, RefusalError } from '../core/errors.ts';
import { yieldToSignals } from '../core/interrupt.ts';
import { cpuEngine } from '../engine/index.ts';
import { type DecoderSpec, decoderParameters, type Model, openModel } from '../models/index.ts';
import { holdsExactly, rewrittenDTypes } from './certificate/certify.ts';
import { type Decoder, exactDecoder, withHead } from './certificate/decoder.ts';
import { certificateInputs, type InputsOptions } from './certificate/inputs.ts';
import { type DecoderComparison, measure } from './certificate/measure.ts';
import type { CertificateInputs } from './certificate/schema.ts';
import { checkMemory } from './checks.ts';
import { formatOf } from './formats/registry.ts';
import { conversionTargets } from './options.ts';
import { nothingToDo } from './refuse.ts';
import { storedParameters } from './rules/apply.ts';
import { blocksOf, type RowMatrix } from './rules/matrix.ts';
import { type ConversionPlan, conversionPlan } from './rules/plan.ts';
import { untied } from './rules/spec.ts';
import { shareProgress } from './write/flow.ts';
import { storedDType, untiedStorage } from './write/layout.ts';

export interface CertifyModelsOptions {
  /** Folder of the model that the other is held against. */
  readonly source: string;
  readonly converted: string;
  /** What they are compared on. Default: random ids of seed 0. */
  readonly inputs?: InputsOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a line that says where the work stands. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

export interface CertifiedModels extends DecoderComparison {
  readonly source: ComparedModel;
  readonly converted: ComparedModel;
  readonly inputs: CertificateInputs;
}

export interface ComparedModel {
  readonly folder: string;
  readonly family: string;
  readonly norm: string;
  readonly epsilon: number;
}

/**
 * Compares two models' folders as a conversion's certificate does: a source and what was made of it, by whomever.
 *
 * `algebra` is measured where the second one's norms are what a conversion of the first would give: exact weights with the
 * second one's config, so that a wrong epsilon shows. Else it is null, and `stored` is held to the limit of rounding in
 * float64 and 3 floors. The floor perturbs what
 * that conversion rewrites, and the parameters in which the two differ. Throws InputError for models that have not
 * the same vocabulary, hidden size, layers and tokens, RefusalError where memory does not do.
 */
export async function certifyModels(options: CertifyModelsOptions): Promise<CertifiedModels> {
  const source = await openModel(options.source);
  try {
    const converted = await openModel(options.converted);
    try {
      return await compareModels(source, converted, options);
    } finally {
      await converted.checkpoint.close();
    }
  } finally {
    await source.checkpoint.close();
  }
}

async function compareModels(source: Model, converted: Model, options: CertifyModelsOptions): Promise<CertifiedModels> {
  checkSizes(source, converted);
  const given = options.inputs ?? { seed: 0 };
  const inputs = await certificateInputs(source, given);
  await checkReadable(converted, inputs, given);
  checkMemory([source, converted], inputs.inputIds, 'compare on fewer --tokens, or on a machine with more');
  const plan = planBetween(source, converted.spec);
  const rewritten = new Map([
    ...(await differingDTypes(source, converted, options.signal)),
    ...(plan === undefined
      ? []
      : rewrittenDTypes({ plan, dtypes: dtypesOf(converted), sourceDTypes: dtypesOf(source) })),
  ]);
  const measured = await measure({
    source: decoderOf(source),
    rewritten,
    exact:
      plan === undefined
        ? null
        : (parameters) => exactDecoder({ ...converted.spec, tiedHead: plan.spec.tiedHead }, plan.rules, parameters),
    written: decoderOf(converted),
    inputIds: inputs.inputIds,
    isText: inputs.kind === 'text',
    engine: cpuEngine(),
    signal: options.signal,
    onProgress: shareProgress('comparing', options.onProgress),
  });
  return { source: describe(source), converted: describe(converted), inputs, ...measured };
}

function describe({ folder, family, spec }: Model): ComparedModel {
  return { folder, family: family.id, norm: spec.norm.kind, epsilon: spec.norm.epsilon };
}

const sizes = [
  ['vocabularySize', 'ids'],
  ['hiddenSize', 'hidden entries'],
  ['numLayers', 'layers'],
] as const satisfies readonly (readonly [keyof DecoderSpec, string])[];

function checkSizes(source: Model, converted: Model): void {
  for (const [size, what] of sizes) {
    const [one, other] = [source.spec[size], converted.spec[size]];
    if (one === other) continue;
    throw new InputError(
      `${converted.folder}: has ${other} ${what}, ${source.folder} has ${one}; only models of the same sizes can be compared`,
    );
  }
}

/** The second model must have as many positions, and split the text into the same ids where it has a tokenizer. */
async function checkReadable(converted: Model, inputs: CertificateInputs, given: InputsOptions): Promise<void> {
  if (inputs.kind !== 'text') {
    await certificateInputs(converted, { label: '', inputIds: inputs.inputIds });
    return;
  }
  const { maxPositions } = converted.spec;
  const length = inputs.inputIds[0]?.length ?? 0;
  if (maxPositions !== null && maxPositions < length) {
    throw new InputError(`${converted.folder}: has ${maxPositions} positions, ${length} are compared`);
  }
  const own = await certificateInputs(converted, given).catch((error: unknown) => {
    if (error instanceof InputError) return undefined;
    throw error;
  });
  if (own !== undefined && String(own.inputIds) !== String(inputs.inputIds)) {
    throw new InputError(`${converted.folder}: its tokenizer splits the text into other ids than the source’s`);
  }
}

/** The conversion of which the second decoder could be the result, by names and shapes; undefined where there is none. */
function planBetween(source: Model, converted: DecoderSpec): ConversionPlan | undefined {
  const wanted = signature(untied(converted));
  if (signature(untied(source.spec)) === wanted) return undefined;
  for (const target of conversionTargets) {
    for (const options of variants) {
      try {
        if (nothingToDo(source, target, options) !== undefined) continue;
        const plan = conversionPlan(source.spec, target, options);
        if (signature(untied(plan.spec)) === wanted) return plan;
        if (target === 'rmsnorm' && converted.family === 'llama') {
          const llama = formatOf('llama').plan({ model: source, target, rewrites: options });
          if (signature(untied(llama.spec)) === wanted) return llama;
        }
      } catch (error) {
        if (!(error instanceof RefusalError)) throw error;
      }
    }
  }
  return undefined;
}

// Folded norms that keep their kinds, with weights of ones, have the names and shapes of unfolded ones.
const either = [false, true];
const variants = either.flatMap((fold) => either.map((qkNorms) => ({ fold, qkNorms })));

function signature(spec: DecoderSpec): string {
  const norms = [spec.norm.kind, spec.finalNorm?.kind, spec.attention.qkNorm?.norm.kind];
  return JSON.stringify([norms, decoderParameters(spec).map(({ name, shape }) => [name, shape])]);
}

function decoderOf({ spec, checkpoint, storage }: Model): Decoder {
  return { spec, parameters: storedParameters(checkpoint, storage) };
}

/**
 * The parameters of the source whose values the second model has not, and the element type to which they are rounded:
 * that of the second one's parameter of the same name, else (folded into others) the least exact of all of its types.
 */
async function differingDTypes(
  source: Model,
  converted: Model,
  signal = new AbortController().signal,
): Promise<ReadonlyMap<string, FloatDType>> {
  const [own, other] = [withHead(decoderOf(source)), withHead(decoderOf(converted))];
  const dtypes = dtypesOf(converted);
  const leastExact = [...dtypes.values()].reduce((a, b) => (holdsExactly(a, b) ? b : a), 'float64');
  const rewritten = new Map<string, FloatDType>();
  for (const { name } of decoderParameters(own.spec)) {
    const dtype = dtypes.get(name);
    const isCopy = dtype !== undefined && (await holdSame(own.parameters(name), other.parameters(name), signal));
    if (!isCopy) rewritten.set(name, dtype ?? leastExact);
  }
  return rewritten;
}

async function holdSame(one: RowMatrix, other: RowMatrix, signal: AbortSignal): Promise<boolean> {
  if (one.rows !== other.rows || one.columns !== other.columns) return false;
  // Two transposes are compared as what they are the transposes of: each read of one passes over all of it.
  if (one.transposeOf !== undefined && other.transposeOf !== undefined) {
    return holdSame(one.transposeOf, other.transposeOf, signal);
  }
  for (const block of blocksOf(one)) {
    await yieldToSignals(signal);
    const [left, right] = await Promise.all([one.read(block), other.read(block)]);
    if (!left.every((value, i) => value === right[i])) return false;
  }
  return true;
}

/** The element type in which each parameter is stored, the head by itself. */
function dtypesOf(model: Model): ReadonlyMap<string, FloatDType> {
  const storage = untiedStorage(model);
  return new Map(
    decoderParameters(untied(model.spec)).map(({ name }) => [name, storedDType(model, storage, name)] as const),
  );
}
