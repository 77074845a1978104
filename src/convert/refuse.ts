import { RefusalError } from '../core/errors.ts';
import { type DecoderSpec, decoderParts, extrasOf, type Model, type NormPart } from '../models/index.ts';
import type { ConversionTarget, RewriteOptions } from './options.ts';
import { originText, provenanceOf } from './provenance.ts';
import { askedRewrites, checkFoldedBiases, rewritesAnything } from './rewrites.ts';
import { recentredNorm } from './rules/spec.ts';

type Described = Pick<Model, 'folder' | 'spec' | 'config'>;

/**
 * Why a model needs no conversion, in one line; undefined where it does.
 *
 * Throws RefusalError where it can't be converted exactly.
 */
export function nothingToDo(
  model: Described,
  target: ConversionTarget,
  options: RewriteOptions = {},
): string | undefined {
  const { folder, spec } = model;
  const asked = askedRewrites(target, options);
  const norms = streamNorms(spec);
  const kinds = [...new Set(norms.map(({ norm }) => norm.kind))];
  if (kinds.length > 0 && kinds.every((kind) => isTarget(kind, target))) {
    if (!rewritesAnything(model, asked)) {
      const provenance = provenanceOf(model.config);
      const how = provenance === undefined ? '' : `, converted ${originText(provenance)}`;
      return `${folder}: its norms are ${kinds.join(' and ')} already${how}; nothing to do`;
    }
    refuseExtras(model, rewrittenExtras);
    return undefined;
  }
  if (spec.placement !== 'pre') {
    throw refusal(model, `placement is ${spec.placement}: ${placementReasons[spec.placement]}`, asItIs);
  }
  if (spec.residualFromNorm) {
    throw refusal(
      model,
      'residualFromNorm: each branch is added to what its norm gave, whose weight and bias bring a mean into the stream, so that every norm would need an explicit recentring',
      asItIs,
    );
  }
  if (target === 'crmsnorm' && kinds.some((id) => isTarget(id, 'rmsnorm'))) {
    throw typeof provenanceOf(model.config)?.target === 'string'
      ? refusal(
          model,
          'it was converted to rmsnorm, and its rounded weights are not exactly zero-mean any more',
          theOriginal,
        )
      : refusal(
          model,
          'its residual stream is not zero-mean: an RMSNorm model keeps the mean that a CRMSNorm model cannot hold',
          `${asItIs}, or fold their weights into the next linears: --to rmsnorm --fold`,
        );
  }
  if (kinds.includes('crmsnorm')) {
    throw refusal(model, 'its norms are crmsnorm, which is rmsnorm without a redundant coordinate', theOriginal);
  }
  const unfit = norms.find(({ norm }) => recentredNorm(norm) === undefined);
  if (unfit !== undefined) {
    throw refusal(
      model,
      `${unfit.name} is ${unfit.norm.kind}, which equals no RMSNorm on zero-mean input: only LayerNorms do`,
      asItIs,
    );
  }
  if (target === 'crmsnorm' && spec.hiddenSize < 2) {
    throw refusal(
      model,
      'its hidden size is 1, and crmsnorm drops one coordinate: there would be none left',
      'use --to rmsnorm',
    );
  }
  if (spec.finalNorm === null) {
    throw refusal(model, 'it has no final norm: its head reads the residual stream itself, mean and all', asItIs);
  }
  if (target === 'crmsnorm') checkFoldedBiases(model);
  rewritesAnything(model, asked);
  refuseExtras(model, coveredExtras);
  return undefined;
}

function refuseExtras(model: Described, covered: ReadonlySet<string>): void {
  const uncovered = extrasOf(model.spec).find((extra) => !covered.has(extra));
  if (uncovered !== undefined) {
    throw refusal(model, `${uncovered}: the rules of the conversion do not cover it`, asItIs);
  }
}

/** What does not change that embeddings and branches write to the stream, and linears read it through its norms alone. */
const coveredExtras: ReadonlySet<string> = new Set([
  'parallel',
  'residualScale',
  'embeddingSize',
  'embeddingNorm',
  'embeddingScale',
  'recentreInput',
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

/** What does not change, either, that norms before linears are read by them alone, and queries and keys by their norms. */
const rewrittenExtras: ReadonlySet<string> = new Set([
  ...coveredExtras,
  'positions.local',
  'attention.latent',
  'attention.logScaledFrom',
  'attention.clipsNormed',
]);

const placementReasons = {
  post: 'each norm reads the sum of stream and branch and is itself the stream, so that every one would need an explicit recentring',
  output:
    'the norms sit on the branches’ outputs, whose weights and biases bring a mean into the stream, and the branches read the stream without a norm',
  peri: 'the norms on the branches’ outputs bring a mean into the stream through their weights and biases',
} as const;

/** The norms on the stream and on what is added to it; that on the embeddings makes the stream. */
function streamNorms(spec: DecoderSpec): readonly NormPart[] {
  return decoderParts(spec).flatMap((part) =>
    part.type === 'norm' && (part.on === 'stream' || part.on === 'branch') && part.name !== 'embedding.norm'
      ? [part]
      : [],
  );
}

function isTarget(kind: string, target: ConversionTarget): boolean {
  return target === 'crmsnorm' ? kind === 'crmsnorm' : kind.startsWith('rmsnorm');
}

/** What to do where nothing exact can be done. */
const asItIs = 'keep its norms as they are';
const theOriginal = 'convert the LayerNorm original instead';

function refusal({ folder }: Pick<Model, 'folder'>, reason: string, advice: string): RefusalError {
  return new RefusalError(`${folder}: ${reason}; ${advice}`);
}
