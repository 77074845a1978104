import type { GgufMetadata, GgufValue } from '../../checkpoint/index.ts';
import { rotatedSize } from '../layout.ts';
import type { DecoderSpec } from '../spec.ts';
import type { GgufArchitecture } from './architecture.ts';

/** For a decoder whose positions have no end. */
const defaultContext = 2048;

/** What ALiBi's slopes go down to: 2 to minus this. All models have it so. */
const maxAlibiBias = 8;

/** How many positions a decoder sees as its architecture computes it: no more than the smallest window of its attention. */
export function ggufContext({ positions, maxPositions, attention }: DecoderSpec): number {
  if (positions.kind === 'learned') return positions.count;
  return Math.min(maxPositions ?? defaultContext, ...(attention.windows ?? []).flatMap((window) => window ?? []));
}

/**
 * What llama.cpp must be told of a decoder that fits an architecture, and under `normlab.` what it can't be told: that its
 * LayerNorms do the work of RMSNorms, the function that its gelu stands for, and windows.
 */
export function ggufMetadata(architecture: GgufArchitecture, spec: DecoderSpec): GgufMetadata {
  const { id } = architecture;
  const { attention, mlp, positions, norm, hiddenSize } = spec;
  const uint32 = (value: number): GgufValue => ({ type: 'uint32', value });
  const float32 = (value: number): GgufValue => ({ type: 'float32', value });
  const all: Readonly<Record<string, GgufValue | false>> = {
    'general.architecture': { type: 'string', value: id },
    [`${id}.context_length`]: uint32(ggufContext(spec)),
    [`${id}.embedding_length`]: uint32(hiddenSize),
    [`${id}.block_count`]: uint32(spec.numLayers),
    [`${id}.feed_forward_length`]: uint32(mlp.innerSize),
    [`${id}.attention.head_count`]: uint32(attention.numHeads),
    [`${id}.attention.head_count_kv`]: uint32(attention.numKeyValueHeads),
    [`${id}.vocab_size`]: uint32(spec.vocabularySize),
    [`${id}.attention.layer_norm_${architecture.norm === 'rmsnorm' ? 'rms_' : ''}epsilon`]: float32(norm.epsilon),
    [`${id}.attention.key_length`]: architecture.freeHeadSize && uint32(attention.headSize),
    [`${id}.attention.value_length`]: architecture.freeHeadSize && uint32(attention.headSize),
    [`${id}.rope.dimension_count`]: positions.kind === 'rotary' && uint32(rotatedSize(spec)),
    [`${id}.rope.freq_base`]: positions.kind === 'rotary' && float32(positions.base),
    [`${id}.attention.max_alibi_bias`]: positions.kind === 'alibi' && float32(maxAlibiBias),
    [`${id}.attention.clamp_kqv`]: attention.clip !== null && float32(attention.clip),
    [`${id}.use_parallel_residual`]: id === 'gptneox' && { type: 'bool', value: spec.parallel !== undefined },
    [`${id}.expert_count`]: mlp.experts !== undefined && uint32(mlp.experts.count),
    [`${id}.expert_used_count`]: mlp.experts !== undefined && uint32(mlp.experts.perToken),
    'normlab.norm': norm.kind.startsWith(architecture.norm) ? false : { type: 'string', value: 'rmsnorm' },
    'normlab.activation': mlp.activation !== architecture.activations[0] && { type: 'string', value: mlp.activation },
    'normlab.windows': attention.windows !== undefined && {
      type: 'uint32s',
      value: attention.windows.map((window) => window ?? 0),
    },
  };
  return Object.fromEntries(Object.entries(all).flatMap(([key, value]) => (value === false ? [] : [[key, value]])));
}
