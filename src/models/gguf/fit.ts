import { alibiSlopes } from '../families/attention.ts';
import { type DecoderSpec, extrasOf, type NormSpec, type PositionSpec } from '../spec.ts';
import { type GgufArchitecture, ggufArchitectures, type Need, type Parallel } from './architecture.ts';
import { normKindOf, normPartsOf } from './norms.ts';

export interface FitOptions {
  /** Whether the stream has mean 0, so that a LayerNorm computes what the decoder's RMSNorms do. Default false. */
  readonly isCentred?: boolean;
}

export type Fit =
  | { readonly fits: true; readonly architecture: GgufArchitecture; readonly spec: DecoderSpec }
  /** What the nearest architecture has otherwise. */
  | { readonly fits: false; readonly reason: string };

/**
 * The decoder as the first architecture of llama.cpp has it that computes the same: with parameters that do nothing where
 * it asks for them, its own order of rotated coordinates, and scales and unused rows gone into the weights. Its `family` is
 * the architecture's name.
 */
export function fitGguf(spec: DecoderSpec, options: FitOptions = {}): Fit {
  const misfits: { readonly id: string; readonly failures: readonly string[] }[] = [];
  for (const architecture of ggufArchitectures) {
    const failures = conditionsOf(architecture, spec, options).flatMap(([holds, otherwise]) =>
      holds ? [] : otherwise,
    );
    if (failures.length === 0) return { fits: true, architecture, spec: fitted(architecture, spec) };
    misfits.push({ id: architecture.id, failures });
  }
  const [nearest] = misfits.sort((a, b) => a.failures.length - b.failures.length);
  return { fits: false, reason: `${nearest?.id} ${nearest?.failures.join(', and ')}` };
}

type Condition = readonly [holds: boolean, otherwise: string];

function conditionsOf(architecture: GgufArchitecture, spec: DecoderSpec, options: FitOptions): readonly Condition[] {
  const { attention, mlp } = spec;
  const extra = extrasOf(spec).filter((key) => !extrasIn(architecture).has(key));
  const parallel = spec.parallel ?? 'sequential';
  return [
    [extra.length === 0, `has no place for ${extra.join(', ')} as normlab writes it`],
    [spec.placement === 'pre', `has its norms before branches, not ${spec.placement}`],
    [spec.streamSize === spec.hiddenSize, 'has a stream of all coordinates'],
    ...normConditions(architecture, spec, options),
    ...positionConditions(architecture, spec),
    [
      architecture.parallel.includes(parallel),
      `has its branches ${parallelNames(architecture.parallel)}, not ${parallelText[parallel]}`,
    ],
    [architecture.headBias === 'always' || !spec.headBias, 'has no bias in its head'],
    [architecture.grouped || attention.numHeads === attention.numKeyValueHeads, 'has keys and values for each head'],
    [
      architecture.freeHeadSize || attention.numHeads * attention.headSize === spec.hiddenSize,
      'has heads of hidden size / heads',
    ],
    [
      allows(architecture.fusedQkv, attention.projection !== 'separate'),
      'has queries, keys and values as linears of their own',
    ],
    [allows(architecture.qkvBias, attention.qkvBias), 'has no biases on queries, keys and values'],
    [allows(architecture.outputBias, attention.outputBias), "has no bias on attention's output"],
    [allows(architecture.mlpBias, mlp.bias), 'has no biases in its MLP'],
    [allows(architecture.clip, attention.clip !== null), 'cuts no queries, keys and values'],
    [architecture.clip !== 'always' || attention.clip !== null, 'always cuts queries, keys and values'],
    [
      attention.scales.every((scale) => Math.abs(scale * Math.sqrt(attention.headSize) - 1) < 1e-9),
      'divides its scores by √(head size)',
    ],
    [
      architecture.mlp === mlp.kind && architecture.activations.includes(mlp.activation),
      `has a ${architecture.mlp} MLP with ${architecture.activations[0]}, not a ${mlp.kind} one with ${mlp.activation}`,
    ],
    [
      architecture.hasExperts === (mlp.experts === undefined ? undefined : true),
      architecture.hasExperts ? 'has experts' : 'has no experts',
    ],
    [mlp.experts === undefined || mlp.experts.normalized, "divides the chosen experts' shares by their sum"],
    [
      mlp.experts === undefined || Object.keys(mlp.experts).every((key) => plainExperts.has(key)),
      'has experts of one kind, and a softmax as their router',
    ],
    [mlp.fusedGate === undefined, 'has gate and up as two linears'],
  ];
}

/** What the keys of `ExpertsSpec` are where there is nothing special about them. */
const plainExperts: ReadonlySet<string> = new Set(['count', 'perToken', 'normalized']);

function extrasIn(architecture: GgufArchitecture): ReadonlySet<string> {
  return new Set([
    'parallel',
    'embeddingScale',
    'logitScale',
    'positions.size',
    'positions.offset',
    'positions.interleaved',
    'mlp.experts',
    'mlp.fusedGate',
    ...(architecture.hasEmbeddingNorm ? ['embeddingNorm'] : []),
    // Within the window, which the file's context length doesn't exceed, all keys are seen.
    ...(architecture.positions === 'learned' ? [] : ['attention.windows']),
  ]);
}

function normConditions(
  architecture: GgufArchitecture,
  { norm, finalNorm, embeddingNorm, attention }: DecoderSpec,
  { isCentred = false }: FitOptions,
): readonly Condition[] {
  const { qkNorm } = attention;
  const own = normPartsOf(norm.kind);
  const isOwn = own?.family === architecture.norm || (own?.family === 'rmsnorm' && isCentred);
  const epsilons = [norm, finalNorm, embeddingNorm, qkNorm?.norm].flatMap((part) => part?.epsilon ?? []);
  return [
    [isOwn, `has ${architecture.norm === 'rmsnorm' ? 'RMSNorms' : 'LayerNorms'}, and the norms here are ${norm.kind}`],
    [
      finalNorm !== null && normPartsOf(finalNorm.kind)?.family === own?.family,
      'has a final norm of the same kind as the others',
    ],
    [architecture.normWeight === 'always' || own?.weight === false, 'has norms without weights'],
    [allows(architecture.normBias, own?.bias === true), 'has norms without biases'],
    [architecture.hasEmbeddingNorm !== true || embeddingNorm !== undefined, 'has a norm on the embeddings'],
    [
      embeddingNorm === undefined || normPartsOf(embeddingNorm.kind)?.family === 'layernorm',
      'has a LayerNorm on the embeddings',
    ],
    [new Set(epsilons).size === 1, 'has one epsilon for all norms'],
    [
      qkNorm === null || (qkNorm.extent === architecture.qkNorm && qkNorm.norm.kind === 'layernorm-nobias'),
      architecture.qkNorm === undefined
        ? 'has no norm on queries and keys'
        : 'has LayerNorms on each head of queries and keys',
    ],
  ];
}

function positionConditions(
  architecture: GgufArchitecture,
  { positions, attention, embeddingScale, logitScale, tiedHead }: DecoderSpec,
): readonly Condition[] {
  const isOwn = positions.kind === architecture.positions;
  const rotates = positions.kind === 'rotary';
  const slopes = positions.kind === 'alibi' ? positions.slopes : [];
  const usual = alibiSlopes(attention.numHeads);
  return [
    [isOwn, `has ${architecture.positions} positions, not ${positions.kind}`],
    [
      !rotates || architecture.rotatesParts || (positions.size ?? attention.headSize) === attention.headSize,
      'rotates whole heads',
    ],
    [slopes.every((slope, head) => slope === usual[head]), 'has other slopes for its heads'],
    [
      !tiedHead || (embeddingScale === undefined && logitScale === undefined),
      'has no scales on a head that is the token embedding',
    ],
  ];
}

function allows(need: Need, isThere: boolean): boolean {
  return need !== 'never' || !isThere;
}

const parallelText: Readonly<Record<Parallel, string>> = {
  sequential: 'one after another',
  two_norms: 'side by side with two norms',
  shared_norm: 'side by side with one norm',
};

function parallelNames(list: readonly Parallel[]): string {
  return list.map((entry) => parallelText[entry]).join(' or ');
}

/** Only for an architecture whose conditions hold. */
function fitted(architecture: GgufArchitecture, spec: DecoderSpec): DecoderSpec {
  const { embeddingScale: _embeddings, logitScale: _logits, attention, mlp, finalNorm, ...rest } = spec;
  const settle = (need: Need, isThere: boolean) => need === 'always' || isThere;
  const norm = (part: NormSpec): NormSpec => {
    const own = normPartsOf(part.kind);
    if (own === undefined) return part;
    const weight = architecture.normWeight === 'always';
    return { ...part, kind: normKindOf({ ...own, weight, bias: settle(architecture.normBias, own.bias) }) };
  };
  return {
    ...rest,
    family: architecture.id,
    positions: fittedPositions(architecture, spec.positions),
    norm: norm(spec.norm),
    finalNorm: finalNorm === null ? null : norm(finalNorm),
    attention: {
      ...attention,
      projection: attention.projection === 'separate' ? 'separate' : 'fused',
      qkvBias: settle(architecture.qkvBias, attention.qkvBias),
      outputBias: settle(architecture.outputBias, attention.outputBias),
    },
    mlp: { ...mlp, bias: settle(architecture.mlpBias, mlp.bias) },
    tiedHead: spec.tiedHead && architecture.head !== 'always',
    headBias: architecture.headBias === 'always',
  };
}

function fittedPositions({ pairs }: GgufArchitecture, positions: PositionSpec): PositionSpec {
  switch (positions.kind) {
    case 'learned':
      return { kind: 'learned', count: positions.count };
    case 'rotary': {
      const { interleaved: _, ...rest } = positions;
      return pairs === 'neighbours' ? { ...rest, interleaved: true } : rest;
    }
    default:
      return positions;
  }
}
