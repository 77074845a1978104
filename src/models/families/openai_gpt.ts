import { dividedHeadSize } from './attention.ts';
import { type ConfigOptions, readConfig } from './config.ts';
import type { Family } from './family.ts';
import { gpt2Options } from './gpt2.ts';
import { gptLike } from './layernorm.ts';
import { storageOf } from './storage.ts';

const partNames = {
  'embedding.token': 'transformer.tokens_embed',
  'embedding.position': 'transformer.positions_embed',
  'blocks.#.attention.qkv': 'transformer.h.#.attn.c_attn',
  'blocks.#.attention.output': 'transformer.h.#.attn.c_proj',
  'blocks.#.attention.output_norm': 'transformer.h.#.ln_1',
  'blocks.#.mlp.up': 'transformer.h.#.mlp.c_fc',
  'blocks.#.mlp.down': 'transformer.h.#.mlp.c_proj',
  'blocks.#.mlp.output_norm': 'transformer.h.#.ln_2',
  head: 'lm_head',
};

/** Its `gelu` is the approximation with tanh. */
const activations = { gelu: 'gelu_tanh', relu: 'relu', silu: 'silu', swish: 'silu' } as const;

const options = {
  defaults: { vocab_size: 40_478, n_positions: 512, n_embd: 768, n_layer: 12, n_head: 12 },
  aliases: gpt2Options.aliases,
} satisfies ConfigOptions;

/** GPT-1: GPT-2 with the norms after the sums, and none at the end. */
export const openaiGpt: Family = {
  id: 'openai-gpt',
  modelTypes: ['openai-gpt'],
  namePrefix: 'transformer.',
  isBuffer: (name) => /^h\.\d+\.attn\.bias$|^position_ids$/.test(name),
  sizeKeys: {
    vocabulary: 'vocab_size',
    positions: 'n_positions',
    hidden: 'n_embd',
    inner: 'n_embd',
    heads: 'n_head',
  },
  // The linears of a block are Conv1D modules, which store [in, out].
  storage: (spec) => storageOf(spec, partNames, (part) => part.type === 'linear' && part.layer !== null),
  parse(raw, where = 'config.json') {
    const config = readConfig(raw, where, options);
    config.unsupported('normlab', 'its norms, after the sums, have no RMSNorm counterpart');
    const hiddenSize = config.count('n_embd');
    dividedHeadSize(config, 'n_embd', 'n_head');
    const positions = { kind: 'learned', count: config.count('n_positions') } as const;
    const decoder = gptLike(config, {
      family: 'openai-gpt',
      hiddenSize,
      numLayers: config.layers('n_layer'),
      numHeads: config.count('n_head'),
      maxPositions: positions.count,
      positions,
      norm: { kind: 'layernorm', epsilon: config.positive('layer_norm_epsilon', 1e-5) },
      activation: config.choice('afn', activations, 'gelu'),
      innerSize: 4 * hiddenSize,
      tiedHead: true,
    });
    return {
      ...decoder,
      placement: 'post',
      finalNorm: null,
      attention: { ...decoder.attention, projection: 'fused' },
    };
  },
};
