import type { FloatDType } from '../../core/dtype.ts';
import { type DecoderSpec, type Model, normlabConfig } from '../../models/index.ts';
import type { ConversionFormat, ConversionTarget } from '../options.ts';

export interface ConfigOptions {
  readonly spec: DecoderSpec;
  readonly target: ConversionTarget;
  readonly format: ConversionFormat;
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
  const provenance = { converted: target, source: options.sourceSha256, version: options.normlabVersion };
  switch (format) {
    case 'normlab':
      return normlabConfig(spec, { normlab: provenance, ...copied(model.config, tokenIds) });
    case 'hf':
      return {
        ...model.config,
        ...(model.spec.tiedHead && !spec.tiedHead ? { tie_word_embeddings: false } : {}),
        ...(options.keepsDType ? {} : dtypeKeys(model.config, options.dtype)),
        normlab: { norm: 'rmsnorm', ...provenance },
      };
    case 'llama':
      return { ...llamaConfig(model, options), normlab: provenance };
  }
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
