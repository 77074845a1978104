import { createRandom } from '../core/random.ts';
import type { Value } from '../graph/index.ts';
import { type DecoderSpec, decoderParameters } from '../models/index.ts';
import type { ParameterValues } from './rules/apply.ts';

/** A tiny Pre-LN decoder, every knob of which can be turned. */
export function preLnSpec(changes: Partial<DecoderSpec> = {}): DecoderSpec {
  const norm = { kind: 'layernorm', epsilon: 1e-5 };
  return {
    family: 'normlab',
    vocabularySize: 13,
    hiddenSize: 12,
    streamSize: 12,
    numLayers: 2,
    maxPositions: 8,
    positions: { kind: 'learned', count: 8 },
    norm,
    placement: 'pre',
    finalNorm: norm,
    attention: {
      numHeads: 3,
      numKeyValueHeads: 3,
      headSize: 4,
      projection: 'fused',
      qkvBias: true,
      outputBias: true,
      scales: [0.5, 0.5],
      clip: null,
      qkNorm: null,
    },
    mlp: { kind: 'plain', activation: 'gelu_tanh', innerSize: 10, bias: true },
    tiedHead: true,
    headBias: false,
    ...changes,
  };
}

/** Parameters whose means over the hidden dimension are far from 0, so that recentring matters. */
export function randomParameters(spec: DecoderSpec, seed = 1): ParameterValues {
  const random = createRandom(seed);
  return new Map(
    decoderParameters(spec).map(({ name, shape, part }): [string, Value] => {
      const stream = random.split(name);
      const mean = part.type === 'norm' && name.endsWith('weight') ? 1 : 0.3;
      const data = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => mean + 0.5 * stream.normal());
      return [name, { dtype: 'float', shape, data }];
    }),
  );
}

/** The parameters of the same decoder with a head of its own. */
export function withHead(parameters: ParameterValues): ParameterValues {
  const embedding = parameters.get('embedding.token.weight');
  if (embedding === undefined) throw new Error('no token embedding');
  return new Map([['head.weight', embedding], ...parameters]);
}
