import { z } from 'zod';
import { normKinds } from '../norms/index.ts';
import {
  activations,
  type DecoderSpec,
  maxExperts,
  maxLayers,
  type NormSpec,
  type PositionSpec,
  placements,
  projections,
  qkNormExtents,
  type RotaryScaling,
} from './spec.ts';
import { weightlessKind } from './weights.ts';

const count = z.int().min(1);
const positive = z.number().positive();

const normSpec: z.ZodType<NormSpec> = z.strictObject({
  kind: z.enum(normKinds.map(({ id }) => id)),
  epsilon: z.number().min(0),
});

const rotaryScaling: z.ZodType<RotaryScaling> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('linear'), factor: positive }),
  z.strictObject({
    kind: z.literal('llama3'),
    factor: positive,
    lowFrequencyFactor: positive,
    highFrequencyFactor: positive,
    originalPositions: count,
  }),
  z.strictObject({ kind: z.literal('dynamic'), factor: positive, originalPositions: count }),
  z.strictObject({ kind: z.literal('doubling'), originalPositions: count }),
  z.strictObject({
    kind: z.literal('yarn'),
    factor: positive,
    originalPositions: count,
    fastTurns: positive,
    slowTurns: positive,
    attentionFactor: positive,
  }),
  z.strictObject({
    kind: z.literal('longrope'),
    shortFactors: z.array(positive),
    longFactors: z.array(positive),
    originalPositions: count,
    attentionFactor: positive,
  }),
]);

const positionSpec: z.ZodType<PositionSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('learned'), count, offset: count.optional() }),
  z.strictObject({
    kind: z.literal('sinusoidal'),
    offset: z.int().min(0).optional(),
    blank: z.int().min(0).optional(),
  }),
  z.strictObject({
    kind: z.literal('rotary'),
    base: positive,
    size: count.optional(),
    interleaved: z.literal(true).optional(),
    scaling: rotaryScaling.optional(),
    layers: z.array(z.boolean()).optional(),
    local: z.strictObject({ base: positive, layers: z.array(z.boolean()) }).optional(),
  }),
  z.strictObject({
    kind: z.literal('alibi'),
    slopes: z.array(z.number()),
    rounding: z.strictObject({ dtype: z.literal('bfloat16'), scale: positive }).optional(),
  }),
  z.strictObject({ kind: z.literal('none') }),
]);

/** A `DecoderSpec` as JSON. Unknown keys and sizes that contradict each other are refused. */
export const decoderSpecSchema: z.ZodType<DecoderSpec> = z
  .strictObject({
    family: z.string(),
    vocabularySize: count,
    hiddenSize: count,
    streamSize: count,
    numLayers: count.max(maxLayers),
    maxPositions: count.nullable(),
    positions: positionSpec,
    norm: normSpec,
    placement: z.enum(placements),
    finalNorm: normSpec.nullable(),
    attention: z.strictObject({
      numHeads: count,
      numKeyValueHeads: count,
      headSize: count,
      projection: z.enum(projections),
      qkvBias: z.boolean(),
      outputBias: z.boolean(),
      scales: z.array(z.number()),
      clip: positive.nullable(),
      clipsNormed: z.literal(true).optional(),
      qkNorm: z.strictObject({ norm: normSpec, extent: z.enum(qkNormExtents) }).nullable(),
      windows: z.array(count.nullable()).optional(),
      logScaledFrom: count.min(2).optional(),
      scoreCap: positive.optional(),
      latent: z
        .strictObject({
          queryRank: count.nullable(),
          keyValueRank: count,
          valueSize: count,
          norm: normSpec,
          bias: z.boolean(),
        })
        .optional(),
    }),
    mlp: z.strictObject({
      kind: z.enum(['plain', 'gated']),
      activation: z.enum(activations),
      innerSize: count,
      bias: z.boolean(),
      fusedGate: z.literal(true).optional(),
      experts: z
        .strictObject({
          count: count.max(maxExperts),
          perToken: count,
          normalized: z.boolean(),
          sharedInnerSize: count.optional(),
          ungatedShared: z.literal(true).optional(),
          sigmoid: z.strictObject({ groups: count, groupsPerToken: count, scale: positive }).optional(),
          dense: z.strictObject({ layers: z.array(z.boolean()), innerSize: count }).optional(),
        })
        .optional(),
    }),
    tiedHead: z.boolean(),
    headBias: z.boolean(),
    parallel: z.enum(['two_norms', 'shared_norm']).optional(),
    residualScale: positive.optional(),
    residualFromNorm: z.literal(true).optional(),
    embeddingSize: count.optional(),
    embeddingNorm: normSpec.optional(),
    recentreInput: z.literal(true).optional(),
    embeddingScale: positive.optional(),
    logitScale: positive.optional(),
    logitCap: positive.optional(),
  })
  .superRefine((spec, context) => {
    for (const { path, message } of contradictions(spec))
      context.addIssue({ code: 'custom', path: [...path], message });
  });

interface Contradiction {
  readonly path: readonly string[];
  readonly message: string;
}

function contradictions(spec: DecoderSpec): readonly Contradiction[] {
  const { attention, positions, hiddenSize, streamSize, numLayers } = spec;
  const found: Contradiction[] = [];
  const check = (holds: boolean, path: readonly string[], message: string) => {
    if (!holds) found.push({ path, message });
  };
  const dropped = spec.norm.kind === 'crmsnorm';
  check(
    streamSize === (dropped ? hiddenSize - 1 : hiddenSize),
    ['streamSize'],
    `is ${streamSize}, expected ${dropped ? 'one less than' : 'as much as'} hiddenSize (${hiddenSize}) with ${spec.norm.kind}`,
  );
  check(
    attention.numHeads % attention.numKeyValueHeads === 0,
    ['attention', 'numKeyValueHeads'],
    `is ${attention.numKeyValueHeads}, expected a divisor of numHeads (${attention.numHeads})`,
  );
  check(
    attention.scales.length === numLayers,
    ['attention', 'scales'],
    `has ${attention.scales.length} entries, expected one for each of ${numLayers} layers`,
  );
  const rotated = positions.kind === 'rotary' ? (positions.size ?? attention.headSize) : 0;
  check(
    rotated % 2 === 0 && rotated <= attention.headSize,
    positions.kind === 'rotary' && positions.size !== undefined ? ['positions', 'size'] : ['attention', 'headSize'],
    `is ${rotated}, but rotary positions need an even one within the head's`,
  );
  const layered = [
    [['attention', 'windows'], attention.windows],
    [['positions', 'layers'], positions.kind === 'rotary' ? positions.layers : undefined],
    [['positions', 'local', 'layers'], positions.kind === 'rotary' ? positions.local?.layers : undefined],
    [['mlp', 'experts', 'dense', 'layers'], spec.mlp.experts?.dense?.layers],
  ] as const;
  for (const [path, list] of layered) {
    const entries = list?.length ?? numLayers;
    check(entries === numLayers, path, `has ${entries} entries, expected one for each of ${numLayers} layers`);
  }
  const slopes = positions.kind === 'alibi' ? positions.slopes.length : attention.numHeads;
  check(slopes === attention.numHeads, ['positions', 'slopes'], `has ${slopes} entries, expected one for each head`);
  check(
    attention.projection !== 'fused_in_quarters' ||
      (attention.numHeads % 4 === 0 && attention.numHeads === attention.numKeyValueHeads),
    ['attention', 'projection'],
    'is fused_in_quarters, which needs a multiple of 4 heads, each with keys and values of its own',
  );
  check(
    spec.mlp.fusedGate === undefined || spec.mlp.kind === 'gated',
    ['mlp', 'fusedGate'],
    'is true, but the MLP has no gate',
  );
  const { experts } = spec.mlp;
  check(
    experts === undefined || experts.perToken <= experts.count,
    ['mlp', 'experts', 'perToken'],
    `is ${experts?.perToken}, expected at most as many as experts (${experts?.count})`,
  );
  check(
    spec.parallel === undefined || spec.placement === 'pre',
    ['parallel'],
    `is ${spec.parallel}, which needs the placement pre`,
  );
  check(
    spec.residualScale === undefined || spec.parallel === undefined,
    ['residualScale'],
    'is not supported with branches side by side',
  );
  const scaling = positions.kind === 'rotary' ? positions.scaling : undefined;
  for (const key of ['shortFactors', 'longFactors'] as const) {
    const factors = scaling?.kind === 'longrope' ? scaling[key].length : rotated / 2;
    check(
      factors === rotated / 2,
      ['positions', 'scaling', key],
      `has ${factors} entries, expected one for each of ${rotated / 2} pairs`,
    );
  }
  check(
    attention.latent === undefined ||
      (attention.numHeads === attention.numKeyValueHeads &&
        attention.projection === 'separate' &&
        attention.qkNorm === null &&
        attention.clip === null &&
        rotated > 0 &&
        rotated < attention.headSize),
    ['attention', 'latent'],
    'needs separate projections without norm or clip, a key for each head, and heads of which a part is rotated',
  );
  const { sigmoid } = experts ?? {};
  check(
    sigmoid === undefined || (sigmoid.groupsPerToken <= sigmoid.groups && (experts?.count ?? 0) % sigmoid.groups === 0),
    ['mlp', 'experts', 'sigmoid'],
    `has ${sigmoid?.groups} groups, ${sigmoid?.groupsPerToken} for each token, which do not fit ${experts?.count} experts`,
  );
  check(
    spec.residualFromNorm === undefined || (spec.placement === 'pre' && spec.parallel === undefined),
    ['residualFromNorm'],
    'is true, which needs the placement pre and branches one after another',
  );
  check(
    positions.kind !== 'sinusoidal' || hiddenSize >= 4,
    ['positions', 'kind'],
    `is sinusoidal, which needs a hiddenSize of at least 4, not ${hiddenSize}`,
  );
  check(
    spec.recentreInput === undefined || streamSize === hiddenSize || !spec.tiedHead || spec.embeddingSize !== undefined,
    ['tiedHead'],
    `is true, but the recentred embeddings are ${hiddenSize} wide and the stream ${streamSize}`,
  );
  check(
    positions.kind !== 'sinusoidal' || streamSize === hiddenSize || spec.recentreInput === true,
    ['positions', 'kind'],
    `is sinusoidal, which in a stream of ${streamSize} needs recentreInput`,
  );
  const qkKind = attention.qkNorm?.norm.kind ?? '';
  check(
    attention.qkNorm?.extent !== 'each_head' || weightlessKind(qkKind) !== undefined,
    ['attention', 'qkNorm', 'extent'],
    `is each_head, which needs a norm with a weight alone, not ${qkKind}`,
  );
  return found;
}
