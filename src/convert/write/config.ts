import type { FloatDType } from '../../core/dtype.ts';
import { type DecoderSpec, type Model, normlabConfig } from '../../models/index.ts';
import type { ConversionFormat, ConversionTarget, RewriteOptions } from '../options.ts';

export interface ConfigOptions {
  readonly spec: DecoderSpec;
  readonly target: ConversionTarget;
  readonly format: ConversionFormat;
  readonly rewrites: RewriteOptions;
  /** The element type of all written tensors, or undefined where they have several. */
  readonly dtype: FloatDType | undefined;
  /** Whether every tensor keeps its own element type. */
  readonly keepsDType: boolean;
  readonly sourceSha256: string;
  readonly normlabVersion: string;
}

type Config = Readonly<Record<string, unknown>>;

/** The `config.json` of a converted model. */
export function outputConfig(model: Model, options: ConfigOptions): Config {
  const { spec, target, format } = options;
  const before = provenanceOf(model.config);
  const isRmsNorm = model.spec.norm.kind.startsWith('rmsnorm');
  const provenance = {
    ...before,
    ...(isRmsNorm ? {} : { converted: target }),
    ...(options.rewrites.fold ? { folded: true } : {}),
    source: options.sourceSha256,
    version: options.normlabVersion,
  };
  switch (format) {
    case 'normlab':
      return normlabConfig(spec, { normlab: provenance, ...copied(model.config, tokenIds) });
    case 'hf':
      return {
        ...model.config,
        ...(model.spec.tiedHead && !spec.tiedHead ? { tie_word_embeddings: false } : {}),
        ...(options.keepsDType ? {} : dtypeKeys(model.config, options.dtype)),
        normlab: { ...classKeys(options, isRmsNorm), ...provenance },
      };
    case 'llama':
      return { ...llamaConfig(model, options), normlab: provenance };
  }
}

/** How the class runs otherwise than as a LayerNorm model. */
function classKeys({ spec, rewrites }: ConfigOptions, wasRmsNorm: boolean): Config {
  return {
    ...(wasRmsNorm ? {} : { norm: 'rmsnorm' }),
    ...(rewrites.qkNorms ? { qkNorm: 'rmsnorm' } : {}),
    ...(spec.recentreInput ? { recentreInput: true } : {}),
  };
}

/** What an earlier conversion has left in the config. */
function provenanceOf({ normlab }: Config): Config {
  return typeof normlab === 'object' && normlab !== null && !Array.isArray(normlab) ? { ...normlab } : {};
}

const tokenIds = ['bos_token_id', 'eos_token_id', 'pad_token_id'];

function llamaConfig({ config }: Model, { spec, dtype }: ConfigOptions): Config {
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
    ...copied(config, [...tokenIds, 'initializer_range', 'torch_dtype', 'dtype', 'transformers_version']),
    ...dtypeKeys(config, dtype),
  };
}

function copied(config: Config, keys: readonly string[]): Config {
  return Object.fromEntries(keys.flatMap((key) => (Object.hasOwn(config, key) ? [[key, config[key]]] : [])));
}

/** transformers 4 says `torch_dtype`, 5 says `dtype`. */
function dtypeKeys(config: Config, dtype: FloatDType | undefined): Config {
  if (dtype === undefined) return {};
  return { [Object.hasOwn(config, 'dtype') ? 'dtype' : 'torch_dtype']: dtype };
}
