import { RefusalError } from '../core/errors.ts';
import {
  type DecoderSpec,
  decoderParts,
  extrasOf,
  type Model,
  type NormPart,
  rmsCounterpart,
} from '../models/index.ts';
import type { ConversionFormat, ConversionTarget } from './options.ts';
import { originText, provenanceOf } from './provenance.ts';
import { hasParameter, recentredNorm } from './rules/spec.ts';

type Described = Pick<Model, 'folder' | 'spec' | 'config'>;

/**
 * Why a model needs no conversion, in one line; undefined where it does.
 *
 * Throws RefusalError where it can't be converted exactly.
 */
export function nothingToDo(model: Described, target: ConversionTarget): string | undefined {
  const { folder, spec } = model;
  const norms = streamNorms(spec);
  const kinds = [...new Set(norms.map(({ norm }) => norm.kind))];
  const [kind = 'none'] = kinds;
  if (kinds.length === 1 && isTarget(kind, target)) {
    const provenance = provenanceOf(model.config);
    const how = provenance === undefined ? '' : `, converted ${originText(provenance)}`;
    return `${folder}: its norms are ${kind} already${how}; nothing to do`;
  }
  if (spec.placement !== 'pre') {
    throw refusal(model, `placement is ${spec.placement}: ${placementReasons[spec.placement]}`);
  }
  if (spec.residualFromNorm) {
    throw refusal(
      model,
      'residualFromNorm: each branch is added to what its norm gave, whose weight and bias bring a mean into the stream, so that every norm would need an explicit recentring',
    );
  }
  if (target === 'crmsnorm' && kinds.some((id) => isTarget(id, 'rmsnorm'))) {
    throw refusal(
      model,
      provenanceOf(model.config) !== undefined
        ? 'it was converted to rmsnorm, and its rounded weights are not exactly zero-mean any more; convert the LayerNorm original instead'
        : 'its residual stream is not zero-mean: an RMSNorm model keeps the mean that a CRMSNorm model cannot hold',
    );
  }
  if (kinds.includes('crmsnorm')) {
    throw refusal(
      model,
      'its norms are crmsnorm, which is rmsnorm without a redundant coordinate; convert the LayerNorm original instead',
    );
  }
  const unfit = norms.find(({ norm }) => recentredNorm(norm) === undefined);
  if (unfit !== undefined) {
    throw refusal(
      model,
      `${unfit.name} is ${unfit.norm.kind}, which equals no RMSNorm on zero-mean input; only LayerNorms do`,
    );
  }
  if (target === 'crmsnorm' && spec.hiddenSize < 2) {
    throw refusal(model, 'its hidden size is 1, and crmsnorm drops one coordinate; there would be none left');
  }
  if (spec.finalNorm === null) {
    throw refusal(model, 'it has no final norm: its head reads the residual stream itself, mean and all');
  }
  if (spec.positions.kind === 'sinusoidal') {
    throw refusal(model, 'its positions are sinusoidal: computed, so that no stored tensor can take their mean out');
  }
  if (target === 'crmsnorm' && spec.mlp.experts !== undefined && hasParameter(spec.norm, 'bias')) {
    throw refusal(model, 'mlp.experts: the biases of its norms would become biases of the router, which has none');
  }
  const uncovered = extrasOf(spec).find((extra) => !coveredExtras.has(extra));
  if (uncovered !== undefined) {
    throw refusal(
      model,
      `${uncovered}: ${uncoveredReasons[uncovered] ?? 'the rules of the conversion do not cover it'}`,
    );
  }
  return undefined;
}

/** Throws RefusalError where a format can't hold the converted model. */
export function checkFormat(
  model: Pick<Model, 'folder' | 'family' | 'spec'>,
  target: ConversionTarget,
  format: ConversionFormat,
): void {
  if (target === 'crmsnorm' && format !== 'normlab') {
    throw refusal(
      model,
      `format ${format} has no place for crmsnorm: no Hugging Face class has a residual stream of hidden_size − 1; use --format normlab`,
    );
  }
  if (format === 'hf' && model.family.id === 'normlab') {
    throw refusal(
      model,
      'format hf keeps the Hugging Face class of the source, and this one has none; use --format normlab',
    );
  }
  if (format === 'hf' && rmsCounterpart(model.spec.norm.kind) === undefined) {
    throw refusal(
      model,
      `format hf keeps the Hugging Face class of the source, and no RMSNorm has weights as ${model.spec.norm.kind} stores them; use --format normlab`,
    );
  }
}

/** The format that is written unless one is asked for. */
export function defaultFormat(model: Pick<Model, 'family' | 'spec'>, target: ConversionTarget): ConversionFormat {
  const hasClass = model.family.id !== 'normlab' && rmsCounterpart(model.spec.norm.kind) !== undefined;
  return target === 'rmsnorm' && hasClass ? 'hf' : 'normlab';
}

/** What does not change that embeddings and branches write to the stream, and linears read it through its norms alone. */
const coveredExtras: ReadonlySet<string> = new Set([
  'parallel',
  'embeddingScale',
  'logitScale',
  'logitCap',
  'positions.offset',
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

const uncoveredReasons: Readonly<Record<string, string>> = {
  embeddingSize: 'the rules of the conversion do not cover embeddings that are narrower than the stream',
  embeddingNorm: 'the norm on the embeddings brings a mean into the stream through its weight and bias',
};

const placementReasons = {
  post: 'each norm reads the sum of stream and branch and is itself the stream, so that every one would need an explicit recentring',
  output:
    'the norms sit on the branches’ outputs, whose weights and biases bring a mean into the stream, and the branches read the stream without a norm',
  peri: 'the norms on the branches’ outputs bring a mean into the stream through their weights and biases',
} as const;

function streamNorms(spec: DecoderSpec): readonly NormPart[] {
  return decoderParts(spec).flatMap((part) =>
    part.type === 'norm' && (part.on === 'stream' || part.on === 'branch') ? [part] : [],
  );
}

function isTarget(kind: string, target: ConversionTarget): boolean {
  return target === 'crmsnorm' ? kind === 'crmsnorm' : kind.startsWith('rmsnorm');
}

function refusal({ folder }: Pick<Model, 'folder'>, reason: string): RefusalError {
  return new RefusalError(`${folder}: ${reason}`);
}
