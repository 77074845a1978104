import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FloatDType } from '../../core/dtype.ts';
import { writeFileAtomically } from '../../core/files.ts';
import { normlabVersion } from '../../core/version.ts';
import type { DecoderSpec, Model } from '../../models/index.ts';
import type { ConversionTarget, RewriteOptions } from '../options.ts';
import { askedRewrites } from '../rewrites.ts';
import { isRmsNorm } from '../rules/spec.ts';
import { configText } from './floats.ts';

export type Config = Readonly<Record<string, unknown>>;

interface Conversion {
  readonly model: Pick<Model, 'config' | 'spec'>;
  readonly target: ConversionTarget;
  readonly rewrites: RewriteOptions;
}

/** What a converted model says of where it is from, an earlier conversion included: `provenanceOf` reads it. */
export function provenanceKeys({ model, target, rewrites }: Conversion, sourceSha256: string): Config {
  return {
    ...earlierKeys(model.config),
    ...(isRmsNorm(model.spec.norm) ? {} : { converted: target }),
    ...(askedRewrites(target, rewrites).fold ? { folded: true } : {}),
    source: sourceSha256,
    version: normlabVersion(),
  };
}

function earlierKeys({ normlab }: Config): Config {
  return typeof normlab === 'object' && normlab !== null && !Array.isArray(normlab) ? { ...normlab } : {};
}

export const tokenIdKeys = ['bos_token_id', 'eos_token_id', 'pad_token_id'];

/** The `config.json` of a Llama with the shapes and values of a spec; `dtype` where all tensors have one. */
export function llamaConfig({ config }: Pick<Model, 'config'>, spec: DecoderSpec, dtype?: FloatDType): Config {
  const { attention, mlp, positions } = spec;
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: spec.vocabularySize,
    hidden_size: spec.hiddenSize,
    intermediate_size: mlp.innerSize,
    num_hidden_layers: spec.numLayers,
    num_attention_heads: attention.numHeads,
    num_key_value_heads: attention.numKeyValueHeads,
    head_dim: attention.headSize,
    hidden_act: 'silu',
    max_position_embeddings: spec.maxPositions ?? 2048,
    rms_norm_eps: spec.norm.epsilon,
    rope_theta: positions.kind === 'rotary' ? positions.base : undefined,
    rope_scaling: null,
    attention_bias: attention.qkvBias,
    mlp_bias: mlp.bias,
    attention_dropout: 0,
    initializer_range: 0.02,
    pretraining_tp: 1,
    tie_word_embeddings: spec.tiedHead,
    use_cache: true,
    bos_token_id: null,
    eos_token_id: null,
    ...copiedKeys(config, [...tokenIdKeys, 'initializer_range', 'torch_dtype', 'dtype', 'transformers_version']),
    ...dtypeKeys(config, dtype),
  };
}

/** The entries of a config under the given keys, where it has them. */
export function copiedKeys(config: Config, keys: readonly string[]): Config {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(config, key) ? [[key, config[key]]] : [])));
}

/** transformers 4 says `torch_dtype`, 5 says `dtype`. */
export function dtypeKeys(config: Config, dtype: FloatDType | undefined): Config {
  if (dtype === undefined) return {};
  return { [Object.hasOwn(config, 'dtype') ? 'dtype' : 'torch_dtype']: dtype };
}

/** Writes a `config.json`, its numbers as that of the source writes them. */
export async function writeConfig(source: string, folder: string, config: Config): Promise<void> {
  const sourceText = await readFile(join(source, 'config.json'), 'utf8');
  await writeFileAtomically(join(folder, 'config.json'), configText(config, sourceText));
}
