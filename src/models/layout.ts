import { InputError } from '../core/errors.ts';
import type { DecoderSpec, LatentSpec, MlpSpec, NormSpec } from './spec.ts';
import { kindOf, maxExpertsOfAllLayers } from './spec.ts';

/** What a linear or a norm is connected to: the residual stream, or something inside of a branch. */
export type Connection = 'stream' | 'inner';

/** A table of rows that are added to the stream: token or position embeddings `[rows, width]`. */
export interface EmbeddingPart {
  readonly type: 'embedding';
  readonly name: string;
  readonly rows: number;
  readonly width: number;
}

/** y = x Wᵀ + b with `weight` `[outSize, inSize]`. */
export interface LinearPart {
  readonly type: 'linear';
  readonly name: string;
  readonly inSize: number;
  readonly outSize: number;
  readonly bias: boolean;
  /** Whether it reads the stream (through a norm), and the part's name of that norm. */
  readonly reads: Connection;
  readonly norm: string | null;
  readonly writes: Connection;
  readonly layer: number | null;
}

export interface NormPart {
  readonly type: 'norm';
  readonly name: string;
  readonly norm: NormSpec;
  readonly width: number;
  /** `stream`: reads the residual stream. `branch`: on a branch's output. `query`, `key`: inside of attention. */
  readonly on: 'stream' | 'branch' | 'query' | 'key';
  readonly layer: number | null;
}

export type Part = EmbeddingPart | LinearPart | NormPart;

/** A parameter under its canonical name, `blocks.0.attention.query.weight`, in its canonical shape. */
export interface ParameterDeclaration {
  readonly name: string;
  readonly shape: readonly number[];
  readonly part: Part;
}

/**
 * The parts of a decoder in the order in which data flow through them: the one list from which the graph, the
 * initialization, the conversion's rules and the parameter counts are derived.
 */
export function decoderParts(spec: DecoderSpec): readonly Part[] {
  const { vocabularySize, streamSize } = spec;
  const inputSize = spec.recentreInput ? spec.hiddenSize : streamSize;
  const { embeddingSize = inputSize } = spec;
  const parts: Part[] = [{ type: 'embedding', name: 'embedding.token', rows: vocabularySize, width: embeddingSize }];
  if (spec.embeddingSize !== undefined) {
    const writes = spec.recentreInput ? 'inner' : 'stream';
    parts.push(linear('embedding.projection', null, null, [embeddingSize, inputSize], false, 'inner', writes));
  }
  if (spec.positions.kind === 'learned') {
    const rows = spec.positions.count + (spec.positions.offset ?? 0);
    parts.push({ type: 'embedding', name: 'embedding.position', rows, width: inputSize });
  }
  if (spec.embeddingNorm !== undefined) {
    parts.push(streamNorm('embedding.norm', spec.embeddingNorm, inputSize, null));
  }
  const experts = spec.numLayers * (spec.mlp.experts?.count ?? 0);
  if (experts > maxExpertsOfAllLayers) {
    throw new InputError(
      `config.json: ${spec.numLayers} layers of ${spec.mlp.experts?.count} experts each, at most ${maxExpertsOfAllLayers} experts in all are supported`,
    );
  }
  for (let layer = 0; layer < spec.numLayers; layer++) parts.push(...blockParts(spec, layer));
  if (spec.finalNorm !== null) parts.push(streamNorm('final_norm', spec.finalNorm, spec.streamSize, null));
  const norm = spec.finalNorm === null ? null : 'final_norm';
  const isProjected = spec.embeddingSize !== undefined;
  if (isProjected) {
    parts.push(linear('head.projection', null, norm, [streamSize, embeddingSize], false, 'stream', 'inner'));
  }
  if (!spec.tiedHead || spec.headBias) {
    const [reads, readsThrough] = isProjected ? (['inner', null] as const) : (['stream', norm] as const);
    const headSize = isProjected ? embeddingSize : streamSize;
    parts.push(linear('head', null, readsThrough, [headSize, vocabularySize], spec.headBias, reads, 'inner'));
  }
  return parts;
}

function blockParts(spec: DecoderSpec, layer: number): readonly Part[] {
  const { attention, mlp, streamSize: width } = spec;
  const name = (part: string) => `blocks.${layer}.${part}`;
  const before = spec.placement === 'pre' || spec.placement === 'peri';
  const norms = (branch: string): { readonly input: readonly NormPart[]; readonly output: readonly NormPart[] } => {
    const at = (place: string, on: NormPart['on']): NormPart => ({
      ...streamNorm(name(`${branch}.${place}`), spec.norm, width, layer),
      on,
    });
    return {
      input: before ? [at('input_norm', 'stream')] : [],
      output: spec.placement === 'pre' ? [] : [at('output_norm', spec.placement === 'post' ? 'stream' : 'branch')],
    };
  };
  const queries = attention.numHeads * attention.headSize;
  const keys = attention.numKeyValueHeads * attention.headSize;
  const values = attention.numHeads * (attention.latent?.valueSize ?? attention.headSize);
  const attentionNorms = norms('attention');
  const sharesNorm = spec.parallel === 'shared_norm';
  const mlpNorms = sharesNorm ? { input: [], output: [] } : norms('mlp');
  const reader = (branch: string, part: string, outSize: number, bias: boolean): LinearPart =>
    linear(
      name(`${branch}.${part}`),
      layer,
      before ? name(`${sharesNorm ? 'attention' : branch}.input_norm`) : null,
      [width, outSize],
      bias,
      'stream',
      'inner',
    );
  const writer = (part: string, inSize: number, bias: boolean): LinearPart =>
    linear(name(part), layer, null, [inSize, width], bias, 'inner', 'stream');
  const qkNorms = (['query', 'key'] as const).flatMap((on): readonly NormPart[] => {
    if (attention.qkNorm === null) return [];
    const { norm, extent } = attention.qkNorm;
    const part = (suffix: string, size: number): NormPart => ({
      ...streamNorm(name(`attention.${on}_norm${suffix}`), norm, size, layer),
      on,
    });
    const [heads, all] = on === 'query' ? [attention.numHeads, queries] : [attention.numKeyValueHeads, keys];
    if (extent !== 'each_head') return [part('', extent === 'head' ? attention.headSize : all)];
    return Array.from({ length: heads }, (_, head) => part(`.heads.${head}`, attention.headSize));
  });
  return [
    ...attentionNorms.input,
    ...(attention.latent !== undefined
      ? latentParts(spec, attention.latent, layer, reader)
      : attention.projection === 'separate'
        ? [
            reader('attention', 'query', queries, attention.qkvBias),
            reader('attention', 'key', keys, attention.qkvBias),
            reader('attention', 'value', keys, attention.qkvBias),
          ]
        : [reader('attention', 'qkv', queries + 2 * keys, attention.qkvBias)]),
    ...qkNorms,
    writer('attention.output', values, attention.outputBias),
    ...attentionNorms.output,
    ...mlpNorms.input,
    ...mlpParts(mlp, layer, reader, writer),
    ...mlpNorms.output,
  ];
}

type Reader = (branch: string, part: string, outSize: number, bias: boolean) => LinearPart;

function latentParts(spec: DecoderSpec, latent: LatentSpec, layer: number, reader: Reader): readonly Part[] {
  const { numHeads, headSize, qkvBias } = spec.attention;
  const { queryRank, keyValueRank, valueSize, bias } = latent;
  const rotated = rotatedSize(spec);
  const name = (part: string) => `blocks.${layer}.attention.${part}`;
  const norm = (on: 'query' | 'key', part: string, width: number): NormPart => ({
    ...streamNorm(name(part), latent.norm, width, layer),
    on,
  });
  const up = (part: string, inSize: number, outSize: number): LinearPart =>
    linear(name(part), layer, null, [inSize, outSize], false, 'inner', 'inner');
  return [
    ...(queryRank === null
      ? [reader('attention', 'query', numHeads * headSize, qkvBias)]
      : [
          reader('attention', 'query_down', queryRank, bias),
          norm('query', 'query_latent_norm', queryRank),
          up('query_up', queryRank, numHeads * headSize),
        ]),
    reader('attention', 'key_value_down', keyValueRank + rotated, bias),
    norm('key', 'key_value_norm', keyValueRank),
    up('key_value_up', keyValueRank, numHeads * (headSize - rotated + valueSize)),
  ];
}

/** How many coordinates of a head are rotated. */
export function rotatedSize({ positions, attention }: DecoderSpec): number {
  return positions.kind === 'rotary' ? (positions.size ?? attention.headSize) : 0;
}

function mlpParts(
  mlp: MlpSpec,
  layer: number,
  reader: Reader,
  writer: (part: string, inSize: number, bias: boolean) => LinearPart,
): readonly LinearPart[] {
  const { kind, innerSize, bias, fusedGate, experts } = mlp;
  const one = (prefix: string, size: number): readonly LinearPart[] => [
    ...(fusedGate
      ? [reader('mlp', `${prefix}gate_up`, 2 * size, bias)]
      : [
          ...(kind === 'gated' ? [reader('mlp', `${prefix}gate`, size, bias)] : []),
          reader('mlp', `${prefix}up`, size, bias),
        ]),
    writer(`mlp.${prefix}down`, size, bias),
  ];
  if (experts === undefined) return one('', innerSize);
  if (experts.dense?.layers[layer] === true) return one('', experts.dense.innerSize);
  return [
    reader('mlp', 'router', experts.count, experts.sigmoid !== undefined),
    ...Array.from({ length: experts.count }, (_, i) => one(`experts.${i}.`, innerSize)).flat(),
    ...(experts.sharedInnerSize === undefined ? [] : one('shared.', experts.sharedInnerSize)),
    ...(experts.sharedInnerSize === undefined || experts.ungatedShared ? [] : [reader('mlp', 'shared_gate', 1, false)]),
  ];
}

function streamNorm(name: string, norm: NormSpec, width: number, layer: number | null): NormPart {
  return { type: 'norm', name, norm, width, on: 'stream', layer };
}

function linear(
  name: string,
  layer: number | null,
  norm: string | null,
  [inSize, outSize]: readonly [number, number],
  bias: boolean,
  reads: Connection,
  writes: Connection,
): LinearPart {
  return { type: 'linear', name, inSize, outSize, bias, reads, norm, writes, layer };
}

/** Every parameter of a decoder under its canonical name. A tied head has none of its own. */
export function decoderParameters(spec: DecoderSpec): readonly ParameterDeclaration[] {
  return decoderParts(spec).flatMap((part) => partParameters(part, spec.tiedHead));
}

function partParameters(part: Part, tiedHead: boolean): readonly ParameterDeclaration[] {
  switch (part.type) {
    case 'embedding':
      return [{ name: `${part.name}.weight`, shape: [part.rows, part.width], part }];
    case 'linear': {
      const bias: ParameterDeclaration = { name: `${part.name}.bias`, shape: [part.outSize], part };
      const tied = part.name === 'head' && tiedHead;
      const weight: ParameterDeclaration = { name: `${part.name}.weight`, shape: [part.outSize, part.inSize], part };
      return [...(tied ? [] : [weight]), ...(part.bias ? [bias] : [])];
    }
    case 'norm':
      return kindOf(part.norm).parameters.map((parameter) => ({
        name: `${part.name}.${parameter.name}`,
        shape: parameter.shape === 'vector' ? [part.width] : [1],
        part,
      }));
  }
}

/** The number of parameters of a decoder; a tied head counts once. */
export function countParameters(spec: DecoderSpec): number {
  return decoderParameters(spec).reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0);
}
