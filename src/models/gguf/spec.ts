import type { GgufFile, GgufScalar } from '../../checkpoint/index.ts';
import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { alibiSlopes } from '../families/attention.ts';
import { decoderSpecSchema } from '../schema.ts';
import type { DecoderSpec, PositionSpec } from '../spec.ts';
import { maxExperts, maxLayers } from '../spec.ts';
import type { GgufArchitecture } from './architecture.ts';
import { normKindOf } from './norms.ts';

/** More than any model has: bounds on what a file can make us allocate before its tensors are looked at. */
const maxHeads = 65_536;
const maxSize = 2 ** 31;

/**
 * The decoder that a file's keys and the names of its tensors describe: what llama.cpp computes with it, but that norms,
 * windows and the MLP's function are what the keys `normlab.` say they stand for. Throws InputError for keys that are missing,
 * of another type or contradict each other.
 */
export function readGgufSpec(file: GgufFile, architecture: GgufArchitecture): DecoderSpec {
  const keys = readKeys(file, architecture.id);
  const has = (name: string) => file.tensors.has(name);
  const numLayers = keys.count('block_count', maxLayers);
  const hiddenSize = keys.count('embedding_length', maxSize);
  const numHeads = keys.count('attention.head_count', maxHeads);
  const numKeyValueHeads = keys.has('attention.head_count_kv')
    ? keys.count('attention.head_count_kv', maxHeads)
    : numHeads;
  const headSize = keys.has('attention.key_length')
    ? keys.count('attention.key_length', maxSize)
    : hiddenSize / numHeads;
  const epsilon = keys.number(`attention.layer_norm_${architecture.norm === 'rmsnorm' ? 'rms_' : ''}epsilon`);
  const runsAs = keys.own('norm') === 'rmsnorm' ? 'rmsnorm' : architecture.norm;
  const weight = architecture.normWeight === 'always';
  const kind = normKindOf({ family: runsAs, weight, bias: has('output_norm.bias') });
  const norm = { kind, epsilon };
  const experts = architecture.hasExperts
    ? {
        count: keys.count('expert_count', maxExperts),
        perToken: keys.count('expert_used_count', maxExperts),
        normalized: true,
      }
    : undefined;
  const windows = keys.own('windows');
  const spec = {
    family: architecture.id,
    vocabularySize: file.tensors.get('token_embd.weight')?.shape[0] ?? 0,
    hiddenSize,
    streamSize: hiddenSize,
    numLayers,
    maxPositions: keys.count('context_length', maxSize),
    positions: readPositions(file, architecture, { keys, numHeads, headSize }),
    norm,
    placement: 'pre',
    finalNorm: norm,
    attention: {
      numHeads,
      numKeyValueHeads,
      headSize,
      projection: has('blk.0.attn_qkv.weight') ? 'fused' : 'separate',
      qkvBias: has('blk.0.attn_qkv.bias') || has('blk.0.attn_q.bias'),
      outputBias: has('blk.0.attn_output.bias'),
      scales: Array.from({ length: numLayers }, () => 1 / Math.sqrt(headSize)),
      clip: keys.has('attention.clamp_kqv') ? keys.number('attention.clamp_kqv') : null,
      qkNorm: has('blk.0.attn_q_norm.weight')
        ? { norm: { kind: 'layernorm-nobias', epsilon }, extent: 'each_head' }
        : null,
      ...(windows === undefined ? {} : { windows: keys.windows(windows) }),
    },
    mlp: {
      kind: architecture.mlp,
      activation: keys.own('activation') ?? architecture.activations[0],
      innerSize: keys.count('feed_forward_length', maxSize),
      bias: has('blk.0.ffn_up.bias'),
      ...(experts === undefined ? {} : { experts }),
    },
    tiedHead: !has('output.weight'),
    headBias: has('output.bias'),
    ...readArrangement(file, architecture, keys),
    ...(has('token_embd_norm.weight') ? { embeddingNorm: { kind: 'layernorm', epsilon } } : {}),
  };
  const { data, error } = decoderSpecSchema.safeParse(spec);
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new InputError(`${file.path}: its keys describe no decoder: ${issue?.path.join('.')}: ${issue?.message}`);
}

function readArrangement(file: GgufFile, { parallel }: GgufArchitecture, keys: Keys): Pick<DecoderSpec, 'parallel'> {
  const mlpNorms = ['ffn_norm', 'attn_output_norm', 'attn_norm_2'].map((name) => `blk.0.${name}.weight`);
  const sharesNorm = parallel.includes('shared_norm') && !mlpNorms.some((name) => file.tensors.has(name));
  if (sharesNorm) return { parallel: 'shared_norm' };
  const isParallel = !parallel.includes('sequential') || keys.flag('use_parallel_residual');
  return parallel.includes('two_norms') && isParallel ? { parallel: 'two_norms' } : {};
}

function readPositions(
  { tensors }: GgufFile,
  { positions, pairs }: GgufArchitecture,
  { keys, numHeads, headSize }: { readonly keys: Keys; readonly numHeads: number; readonly headSize: number },
): PositionSpec {
  switch (positions) {
    case 'learned':
      return { kind: 'learned', count: tensors.get('position_embd.weight')?.shape[0] ?? 0 };
    case 'alibi':
      return { kind: 'alibi', slopes: alibiSlopes(numHeads) };
    case 'rotary': {
      const size = keys.has('rope.dimension_count') ? keys.count('rope.dimension_count', maxSize) : headSize;
      return {
        kind: 'rotary',
        base: keys.has('rope.freq_base') ? keys.number('rope.freq_base') : 10_000,
        ...(size === headSize ? {} : { size }),
        ...(pairs === 'neighbours' ? { interleaved: true } : {}),
      };
    }
  }
}

interface Keys {
  has(key: string): boolean;
  count(key: string, most: number): number;
  number(key: string): number;
  flag(key: string): boolean;
  /** What a key of normlab's own says. */
  own(key: string): GgufScalar | readonly GgufScalar[] | undefined;
  windows(value: GgufScalar | readonly GgufScalar[]): readonly (number | null)[];
}

function readKeys({ metadata, path }: GgufFile, id: string): Keys {
  const wrong = (key: string, expected: string, value: unknown) => {
    const came = value === undefined ? 'it is missing' : `got ${quote(String(value).slice(0, 60))}`;
    return new InputError(`${path}: ${key}: expected ${expected}, ${came}`);
  };
  const number = (key: string) => {
    const value = metadata.get(`${id}.${key}`);
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw wrong(`${id}.${key}`, 'a number', value);
  };
  return {
    has: (key) => metadata.has(`${id}.${key}`),
    number,
    count(key, most) {
      const value = number(key);
      if (Number.isInteger(value) && value >= 1 && value <= most) return value;
      throw wrong(`${id}.${key}`, `a whole number from 1 to ${most}`, value);
    },
    flag(key) {
      const value = metadata.get(`${id}.${key}`);
      if (value === undefined || typeof value === 'boolean') return value ?? false;
      throw wrong(`${id}.${key}`, 'true or false', value);
    },
    own: (key) => metadata.get(`normlab.${key}`),
    windows(value) {
      if (!Array.isArray(value)) throw wrong('normlab.windows', 'a list', value);
      return value.map((window: unknown) => {
        if (typeof window === 'number') return window === 0 ? null : window;
        throw wrong('normlab.windows', 'numbers', window);
      });
    },
  };
}
