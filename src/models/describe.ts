import { decoderParts, type NormPart } from './layout.ts';
import {
  type AttentionSpec,
  type DecoderSpec,
  extrasOf,
  kindOf,
  type MlpSpec,
  type PositionSpec,
  type RotaryScaling,
} from './spec.ts';

/** One line of a description: what it is about, and a text. */
export interface DescriptionLine {
  readonly label: string;
  readonly text: string;
}

/** A decoder in words, in the order in which data flow through it. */
export function describeDecoder(spec: DecoderSpec): readonly DescriptionLine[] {
  const others = extrasOf(spec).filter((extra) => !describedExtras.has(extra));
  return [
    { label: 'Shape', text: shapeText(spec) },
    { label: 'Embedding', text: embeddingText(spec) },
    { label: 'Positions', text: positionsText(spec.positions, spec) },
    { label: 'Blocks', text: blocksText(spec) },
    { label: 'Attention', text: attentionText(spec.attention) },
    { label: 'MLP', text: mlpText(spec) },
    { label: 'Head', text: headText(spec) },
    ...(others.length === 0
      ? []
      : [{ label: 'Also', text: others.map((extra) => extraWords[extra] ?? extra).join('; ') }]),
  ];
}

/** The norms of a decoder that are alike and sit at the same place of their blocks. */
export interface NormGroup {
  /** The id in the catalogue. */
  readonly kind: string;
  readonly name: string;
  readonly epsilon: number;
  readonly where: string;
  readonly count: number;
  readonly width: number;
  /** Of one of them: `weight, bias`. */
  readonly parameterNames: readonly string[];
  /** Of all of them together. */
  readonly parameters: number;
}

/** Every norm of a decoder, grouped, in the order in which data flow through them. */
export function normGroups(spec: DecoderSpec): readonly NormGroup[] {
  const groups = new Map<string, NormGroup>();
  for (const part of decoderParts(spec)) {
    if (part.type !== 'norm') continue;
    const kind = kindOf(part.norm);
    const where = placeOf(part, spec);
    const key = JSON.stringify([kind.id, part.norm.epsilon, where, part.width]);
    const own = kind.parameters.reduce((sum, { shape }) => sum + (shape === 'vector' ? part.width : 1), 0);
    const before = groups.get(key);
    groups.set(key, {
      kind: kind.id,
      name: kind.name,
      epsilon: part.norm.epsilon,
      where,
      width: part.width,
      parameterNames: kind.parameters.map(({ name }) => name),
      count: (before?.count ?? 0) + 1,
      parameters: (before?.parameters ?? 0) + own,
    });
  }
  return [...groups.values()];
}

function placeOf({ name, on }: NormPart, spec: DecoderSpec): string {
  const place = name.replace(/^blocks\.\d+\./, '').replace(/\.heads\.\d+$/, '');
  const extent = spec.attention.qkNorm?.extent;
  const perHead = extent === 'full' ? 'all heads’' : extent === 'each_head' ? 'one head’s' : 'each head’s';
  const places: Readonly<Record<string, string>> = {
    'attention.input_norm': spec.parallel === 'shared_norm' ? 'before both branches' : 'before attention',
    'mlp.input_norm': 'before the MLP',
    'attention.output_norm': on === 'stream' ? 'after attention is added' : 'on attention output',
    'mlp.output_norm': on === 'stream' ? 'after the MLP is added' : 'on the MLP output',
    'attention.query_norm': `on ${perHead} queries`,
    'attention.key_norm': `on ${perHead} keys`,
    'attention.query_latent_norm': 'on the queries’ latent',
    'attention.key_value_norm': 'on keys’ and values’ latent',
    'embedding.norm': 'on the embeddings',
    final_norm: 'after the last block',
  };
  return places[place] ?? place;
}

/** Words for what is rare; other keys stand for themselves. */
const extraWords: Readonly<Record<string, string>> = {
  embeddingSize: 'embeddings of another width, projected to the stream and back',
  'attention.latent': 'queries, keys and values from latent vectors',
  'attention.logScaledFrom': 'scores that grow with the logarithm of a long text’s length',
  'positions.local': 'other rotations in the layers with a window',
};

const describedExtras: ReadonlySet<string> = new Set([
  'parallel',
  'residualFromNorm',
  'embeddingNorm',
  'recentreInput',
  'embeddingScale',
  'logitScale',
  'logitCap',
  'positions.offset',
  'positions.blank',
  'positions.size',
  'positions.interleaved',
  'positions.scaling',
  'positions.layers',
  'positions.rounding',
  'attention.windows',
  'attention.scoreCap',
  'mlp.fusedGate',
  'mlp.experts',
]);

function shapeText({ numLayers, hiddenSize, streamSize, vocabularySize, maxPositions }: DecoderSpec): string {
  const stored = streamSize === hiddenSize ? '' : ` (stored as ${counted(streamSize)})`;
  const length = maxPositions === null ? 'no limit of positions' : `up to ${counted(maxPositions)} positions`;
  const layers = `${numLayers} ${numLayers === 1 ? 'layer' : 'layers'}`;
  return `${layers}, ${counted(hiddenSize)} wide${stored}, vocabulary of ${counted(vocabularySize)}, ${length}`;
}

function embeddingText({ embeddingScale, embeddingNorm, recentreInput, positions }: DecoderSpec): string {
  return [
    positions.kind === 'learned' || positions.kind === 'sinusoidal' ? 'token and position, added' : 'token',
    ...(embeddingScale === undefined ? [] : [`times ${short(embeddingScale)}`]),
    ...(embeddingNorm === undefined ? [] : [`then ${kindOf(embeddingNorm).name}`]),
    ...(recentreInput ? ['then minus its mean'] : []),
  ].join(', ');
}

function positionsText(positions: PositionSpec, { attention, numLayers }: DecoderSpec): string {
  const { kind } = positions;
  switch (positions.kind) {
    case 'learned':
      return `learned, ${counted(positions.count)}${positions.offset === undefined ? '' : `, from row ${positions.offset} on`}`;
    case 'sinusoidal':
      return `sinusoidal, computed${positions.blank === undefined ? '' : `, none at position ${positions.blank}`}`;
    case 'alibi':
      return `ALiBi${positions.rounding === undefined ? '' : `, rounded to ${positions.rounding.dtype}`}`;
    case 'rotary': {
      const { size, base, interleaved, scaling, layers } = positions;
      const turning = layers?.filter((rotates) => rotates).length ?? numLayers;
      return [
        `rotary, base ${counted(base)}`,
        ...(size === undefined ? [] : [`${size} of each head’s ${attention.headSize} coordinates`]),
        ...(interleaved ? ['pairs interleaved'] : []),
        ...(scaling === undefined ? [] : [scalingText(scaling)]),
        ...(turning === numLayers ? [] : [`in ${turning} of ${numLayers} layers`]),
      ].join(', ');
    }
    default:
      return kind;
  }
}

function scalingText(scaling: RotaryScaling): string {
  const { kind } = scaling;
  return 'factor' in scaling ? `stretched ${short(scaling.factor)} times (${kind})` : `stretched (${kind})`;
}

function blocksText(spec: DecoderSpec): string {
  const { name } = kindOf(spec.norm);
  const end = spec.finalNorm === null ? 'no norm after the last' : `${kindOf(spec.finalNorm).name} after the last`;
  return `${placementText(spec)}, with N = ${name}; ${end}`;
}

function placementText({ placement, parallel, residualFromNorm }: DecoderSpec): string {
  if (residualFromNorm)
    return 'pre, added to what the norm gave: y + attention(y) with y = N(x), then z + MLP(z) with z = N(…)';
  if (parallel === 'two_norms') return 'pre, both branches side by side: x + attention(N₁(x)) + MLP(N₂(x))';
  if (parallel === 'shared_norm')
    return 'pre, both branches side by side with one norm: x + attention(N(x)) + MLP(N(x))';
  return {
    pre: 'pre: x + attention(N(x)), then x + MLP(N(x))',
    post: 'post: N(x + attention(x)), then N(x + MLP(x))',
    output: 'output: x + N(attention(x)), then x + N(MLP(x))',
    peri: 'peri: x + N(attention(N(x))), then x + N(MLP(N(x)))',
  }[placement];
}

function attentionText(attention: AttentionSpec): string {
  const { numHeads, numKeyValueHeads, headSize, qkvBias, outputBias, windows, clip, scoreCap, qkNorm } = attention;
  const keys =
    numKeyValueHeads === numHeads
      ? ''
      : `, ${numKeyValueHeads} of keys and values (${numKeyValueHeads === 1 ? 'multi' : 'grouped'}-query)`;
  return [
    `${numHeads} ${numHeads === 1 ? 'head' : 'heads'} of ${headSize}${keys}`,
    biasText({ 'queries, keys and values': qkvBias, 'the output': outputBias }),
    attention.projection === 'separate' ? 'a linear for each' : 'one linear for queries, keys and values',
    ...windowTexts(windows),
    ...(qkNorm === null ? [] : [`${kindOf(qkNorm.norm).name} on queries and keys`]),
    ...scaleTexts(attention),
    ...(clip === null ? [] : [`queries, keys and values cut to ±${short(clip)}`]),
    ...(scoreCap === undefined ? [] : [`scores capped at ±${short(scoreCap)}`]),
  ].join('; ');
}

function windowTexts(windows: AttentionSpec['windows']): readonly string[] {
  if (windows === undefined) return [];
  const sizes = [...new Set(windows)].filter((size) => size !== null);
  return sizes.map((size) => {
    const layers = windows.filter((window) => window === size).length;
    const which = layers === windows.length ? 'every layer' : `${layers} of ${windows.length} layers`;
    return `only the latest ${counted(size)} keys in ${which}`;
  });
}

function scaleTexts({ scales, headSize }: AttentionSpec): readonly string[] {
  const usual = 1 / Math.sqrt(headSize);
  const [scale = usual] = scales;
  if (scales.some((other) => other !== scale)) return ['scores scaled differently in each layer'];
  if (Math.abs(scale - usual) <= 1e-12) return [];
  return [scale === 1 ? 'scores not scaled' : `scores times ${short(scale)} instead of 1/√${headSize}`];
}

const activationNames: Readonly<Record<string, string>> = {
  gelu: 'GELU',
  gelu_tanh: 'GELU by tanh',
  gelu_bloom: 'GELU by tanh',
  silu: 'SiLU',
  relu: 'ReLU',
  relu2: 'squared ReLU',
};

const gatedNames: Readonly<Record<string, string>> = { silu: 'SwiGLU', gelu: 'GeGLU', gelu_tanh: 'GeGLU by tanh' };

function mlpText({ mlp, hiddenSize }: DecoderSpec): string {
  const { kind, activation, innerSize, bias, experts, fusedGate } = mlp;
  const plain = activationNames[activation] ?? activation;
  const name = kind === 'plain' ? plain : (gatedNames[activation] ?? `gated ${plain}`);
  return [
    `${name}, ${counted(hiddenSize)} → ${counted(innerSize)} → ${counted(hiddenSize)}`,
    biasText({ 'the linears': bias }),
    ...(fusedGate ? ['gate and up in one linear'] : []),
    ...(experts === undefined ? [] : expertTexts(experts)),
  ].join('; ');
}

function expertTexts(experts: NonNullable<MlpSpec['experts']>): readonly string[] {
  const { count, perToken, sharedInnerSize, dense } = experts;
  const shared = sharedInnerSize === undefined ? '' : `, and one of ${counted(sharedInnerSize)} for every token`;
  const denseLayers = dense?.layers.filter((isDense) => isDense).length ?? 0;
  return [
    `${count} such experts, ${perToken} for each token${shared}`,
    ...(dense === undefined
      ? []
      : [`${denseLayers} of ${dense.layers.length} layers have one of ${counted(dense.innerSize)} instead`]),
  ];
}

function headText({ tiedHead, headBias, logitScale, logitCap }: DecoderSpec): string {
  return [
    tiedHead ? 'the token embedding (tied)' : 'a matrix of its own',
    ...(headBias ? ['with a bias'] : []),
    ...(logitScale === undefined ? [] : [`logits times ${short(logitScale)}`]),
    ...(logitCap === undefined ? [] : [`logits capped at ±${short(logitCap)}`]),
  ].join(', ');
}

/** Which of several linears have biases. */
function biasText(biases: Readonly<Record<string, boolean>>): string {
  const having = Object.keys(biases).filter((name) => biases[name]);
  if (having.length === 0) return 'no biases';
  return having.length === Object.keys(biases).length ? 'biases' : `biases on ${having.join(' and ')} alone`;
}

function counted(value: number): string {
  return value.toLocaleString('en-US');
}

function short(value: number): string {
  return String(Number(value.toPrecision(5)));
}
