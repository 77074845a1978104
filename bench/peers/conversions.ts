import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  type Certificate,
  type ConversionFormat,
  type ConversionTarget,
  type ConvertOptions,
  convertModel,
} from '../../src/convert/index.ts';
import { CheckFailedError, InputError, RefusalError } from '../../src/core/errors.ts';
import { openModel } from '../../src/models/index.ts';

/** What runs a converted folder besides normlab. */
export type Runtime = 'transformers' | 'onnx';

/** What a model is converted to; the name is that of a folder. */
interface Variant {
  readonly name: string;
  readonly target: ConversionTarget;
  readonly format: ConversionFormat;
  readonly fold?: true;
  readonly qkNorms?: true;
  /** Null where normlab alone can. */
  readonly runtime: Runtime | null;
}

/** What a Pre-LN model becomes; the second is for those with LayerNorms on queries and keys too. */
const ofLayerNorms: readonly Variant[] = [
  { name: 'hf', target: 'rmsnorm', format: 'hf', runtime: 'transformers' },
  { name: 'hf, qk-norms', target: 'rmsnorm', format: 'hf', qkNorms: true, runtime: 'transformers' },
  { name: 'llama', target: 'rmsnorm', format: 'llama', runtime: 'transformers' },
  { name: 'crmsnorm', target: 'crmsnorm', format: 'normlab', runtime: null },
  { name: 'onnx', target: 'rmsnorm', format: 'onnx', runtime: 'onnx' },
  { name: 'onnx, crmsnorm', target: 'crmsnorm', format: 'onnx', runtime: 'onnx' },
];

/** What there is to do for a model of RMSNorms. */
const ofRmsNorms: readonly Variant[] = [
  { name: 'hf, fold', target: 'rmsnorm', format: 'hf', fold: true, runtime: 'transformers' },
  { name: 'onnx, fold', target: 'rmsnorm', format: 'onnx', fold: true, runtime: 'onnx' },
];

export type ComparedDType = 'float64' | 'source' | 'float32';

const dtypesFor: Readonly<Record<Runtime | 'normlab', readonly ComparedDType[]>> = {
  transformers: ['float64', 'source'],
  normlab: ['source'],
  // An export computes in float32: with weights in it too, what remains is the arithmetic.
  onnx: ['float32'],
};

/** A conversion that was written. */
export interface Conversion {
  readonly variant: string;
  readonly dtype: ComparedDType;
  readonly folder: string;
  readonly runtime: Runtime | null;
  readonly certificate: Certificate;
}

export interface CaseConversions {
  readonly name: string;
  readonly folder: string;
  readonly modelType: string;
  /** What normlab says of a conversion that it does not do, by variant. */
  readonly refused: Readonly<Record<string, string>>;
  readonly conversions: readonly Conversion[];
}

/** The folders below `parents` that hold a model and what transformers computed with it. */
export async function recordedCases(parents: readonly string[], names: readonly string[]): Promise<string[]> {
  const folders: string[] = [];
  for (const parent of parents) {
    const entries = await readdir(parent).catch((cause: unknown) => {
      throw new InputError(`${parent} can't be read; --golden names a folder of recorded models`, {
        cause,
      });
    });
    folders.push(...entries.sort().map((name) => join(parent, name)));
  }
  const cases = folders.filter(
    (folder) => existsSync(join(folder, 'config.json')) && existsSync(join(folder, 'golden.safetensors')),
  );
  const missing = names.find((name) => !cases.some((folder) => basename(folder) === name));
  if (missing !== undefined) throw new InputError(`${parents.join(', ')}: there is no recorded model ${missing}`);
  return names.length === 0 ? cases : cases.filter((folder) => names.includes(basename(folder)));
}

/** Converts a model to what these runtimes run, with weights of its own element type, and of float64 where they take them. */
export async function convertCase(
  source: string,
  out: string,
  runtimes: readonly Runtime[],
  signal: AbortSignal,
): Promise<CaseConversions> {
  const { spec, modelType } = await described(source);
  const name = basename(source);
  const refused: Record<string, string> = {};
  const conversions: Conversion[] = [];
  const variants = (spec.norm.kind.startsWith('layernorm') ? ofLayerNorms : ofRmsNorms).filter(
    ({ qkNorms, runtime }) =>
      (qkNorms !== true || spec.attention.qkNorm !== null) && runtimes.includes(runtime ?? 'transformers'),
  );
  for (const { name: variant, runtime, ...asked } of variants) {
    for (const dtype of dtypesFor[runtime ?? 'normlab']) {
      const folder = join(out, name, variant.replace(', ', '-'), dtype);
      const result = await attempt({ source, out: folder, dtype, signal, ...asked });
      if (typeof result === 'string') refused[variant] = result;
      else conversions.push({ variant, dtype, folder, runtime, certificate: result });
    }
  }
  return { name, folder: source, modelType, refused, conversions };
}

/** The certificate, also of a conversion that fails it; or why there is none. */
async function attempt(options: ConvertOptions): Promise<Certificate | string> {
  try {
    const result = await convertModel(options);
    if (result.status !== 'converted') return result.reason;
    if (result.certificate === null) throw new TypeError('a conversion without a certificate');
    return result.certificate;
  } catch (error) {
    if (!(error instanceof RefusalError || error instanceof CheckFailedError)) throw error;
    return error.message;
  }
}

async function described(folder: string) {
  const model = await openModel(folder);
  await model.checkpoint.close();
  return { spec: model.spec, modelType: String(model.config.model_type) };
}
