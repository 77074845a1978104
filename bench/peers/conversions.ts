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

/** What a model is converted to; the name is that of a folder. */
interface Variant {
  readonly name: string;
  readonly target: ConversionTarget;
  readonly format: ConversionFormat;
  readonly fold?: true;
  readonly qkNorms?: true;
  /** Whether transformers can load it. */
  readonly loads: boolean;
}

const variants: readonly Variant[] = [
  { name: 'hf', target: 'rmsnorm', format: 'hf', loads: true },
  { name: 'llama', target: 'rmsnorm', format: 'llama', loads: true },
  { name: 'hf, qk-norms', target: 'rmsnorm', format: 'hf', qkNorms: true, loads: true },
  { name: 'hf, fold', target: 'rmsnorm', format: 'hf', fold: true, loads: true },
  { name: 'crmsnorm', target: 'crmsnorm', format: 'normlab', loads: false },
];

export const comparedDTypes = ['float64', 'source'] as const;
export type ComparedDType = (typeof comparedDTypes)[number];

/** A conversion that was written. */
export interface Conversion {
  readonly variant: string;
  readonly dtype: ComparedDType;
  readonly folder: string;
  readonly loads: boolean;
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
      throw new InputError(`bench peers: ${parent} can't be read; --golden names a folder of recorded models`, {
        cause,
      });
    });
    folders.push(...entries.sort().map((name) => join(parent, name)));
  }
  const cases = folders.filter(
    (folder) => existsSync(join(folder, 'config.json')) && existsSync(join(folder, 'golden.safetensors')),
  );
  const missing = names.find((name) => !cases.some((folder) => basename(folder) === name));
  if (missing !== undefined)
    throw new InputError(`bench peers: ${parents.join(', ')}: there is no recorded model ${missing}`);
  return names.length === 0 ? cases : cases.filter((folder) => names.includes(basename(folder)));
}

/** Converts a model to all that it can become, each with weights of float64 and of its own element type. */
export async function convertCase(source: string, out: string, signal: AbortSignal): Promise<CaseConversions> {
  const { spec, modelType } = await described(source);
  const name = basename(source);
  const refused: Record<string, string> = {};
  const conversions: Conversion[] = [];
  const hasLayerNorms = spec.norm.kind.startsWith('layernorm');
  const asked = variants.filter(({ qkNorms, fold }) => {
    if (qkNorms) return hasLayerNorms && spec.attention.qkNorm !== null;
    // Where LayerNorms are converted too, the biases mostly have no place; models of RMSNorms have none.
    return fold !== true || !hasLayerNorms;
  });
  for (const { name: variant, loads, ...rewrites } of asked) {
    for (const dtype of comparedDTypes) {
      const folder = join(out, name, variant.replace(', ', '-'), dtype);
      const result = await attempt({ source, out: folder, dtype, signal, ...rewrites });
      if (typeof result === 'string') refused[variant] = result;
      else conversions.push({ variant, dtype, folder, loads, certificate: result });
    }
  }
  return { name, folder: source, modelType, refused, conversions };
}

/** The certificate, also of a conversion that fails it; or why there is none. */
async function attempt(options: ConvertOptions): Promise<Certificate | string> {
  try {
    const result = await convertModel(options);
    if (result.status !== 'converted') return result.reason;
    if (result.certificate === null) throw new TypeError('bench peers: a conversion without a certificate');
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
