import { z } from 'zod';
import { normKinds } from '../norms/index.ts';
import { activations, type DecoderSpec, maxLayers, type NormSpec, type PositionSpec, placements } from './spec.ts';

const count = z.int().min(1);
const positive = z.number().positive();

const normSpec: z.ZodType<NormSpec> = z.strictObject({
  kind: z.enum(normKinds.map(({ id }) => id)),
  epsilon: z.number().min(0),
});

const positionSpec: z.ZodType<PositionSpec> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('learned'), count }),
  z.strictObject({ kind: z.literal('rotary'), base: positive }),
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
      projection: z.enum(['separate', 'fused']),
      qkvBias: z.boolean(),
      outputBias: z.boolean(),
      scales: z.array(z.number()),
      clip: positive.nullable(),
      qkNorm: z.strictObject({ norm: normSpec, extent: z.enum(['head', 'full']) }).nullable(),
    }),
    mlp: z.strictObject({
      kind: z.enum(['plain', 'gated']),
      activation: z.enum(activations),
      innerSize: count,
      bias: z.boolean(),
    }),
    tiedHead: z.boolean(),
    headBias: z.boolean(),
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
  check(
    positions.kind !== 'rotary' || attention.headSize % 2 === 0,
    ['attention', 'headSize'],
    `is ${attention.headSize}, but rotary positions need an even one`,
  );
  return found;
}
