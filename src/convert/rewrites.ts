import { RefusalError } from '../core/errors.ts';
import { type DecoderSpec, decoderParts, kindOf, type Model, type NormPart } from '../models/index.ts';
import type { ConversionTarget, RewriteOptions } from './options.ts';
import { provenanceOf } from './provenance.ts';
import { isReadByLinears } from './rules/plan.ts';
import { hasParameter, recentredNorm } from './rules/spec.ts';

type Described = Pick<Model, 'folder' | 'spec' | 'config'>;

/**
 * Whether folding, or norms on queries and keys that become RMSNorms, are asked for and change anything.
 *
 * Throws RefusalError where one is asked for and would not be exact.
 */
export function rewritesAnything(model: Described, { fold, qkNorms }: RewriteOptions): boolean {
  if (qkNorms) checkQkNorms(model);
  if (fold) checkFold(model);
  const { qkNorm } = model.spec.attention;
  const becomes = qkNorms && qkNorm !== null && recentredNorm(qkNorm.norm) !== undefined;
  return becomes === true || (fold === true && !isFolded(model));
}

function checkQkNorms({ folder, spec: { attention } }: Described): void {
  if (attention.qkNorm === null) {
    throw new RefusalError(`${folder}: attention.qkNorm: there are no norms on queries and keys; leave out --qk-norms`);
  }
  const { kind } = attention.qkNorm.norm;
  if (!kind.startsWith('rmsnorm') && recentredNorm(attention.qkNorm.norm) === undefined) {
    throw new RefusalError(
      `${folder}: attention.qkNorm is ${kind}, which equals no RMSNorm on zero-mean input; leave out --qk-norms`,
    );
  }
  if (attention.clip !== null && attention.clipsNormed === undefined) {
    throw new RefusalError(
      `${folder}: attention.clip is ${attention.clip}: queries and keys are cut between their linears and their norms, so that centred linears would give something else; leave out --qk-norms`,
    );
  }
}

function checkFold(model: Described): void {
  const { folder, spec } = model;
  const refusal = (reason: string) => new RefusalError(`${folder}: ${reason}; leave out --fold`);
  if (spec.residualFromNorm) {
    throw refusal('residualFromNorm: what a norm gives goes into the stream too, not into linears alone');
  }
  if (foldable(spec).length === 0) {
    throw refusal(`placement is ${spec.placement}: there is no norm that linears alone read`);
  }
  const { final, blocks } = biasesOf(spec);
  if (spec.attention.latent !== undefined && blocks) {
    throw refusal('attention.latent: the biases of its norms would become biases of linears to latent vectors');
  }
  checkBiases(model, { final, blocks }, '; leave out --fold');
}

/** Throws RefusalError where a norm's bias would have to go into a linear that can't have one. */
export function checkFoldedBiases(model: Pick<Model, 'folder' | 'spec'>): void {
  checkBiases(model, biasesOf(model.spec), '; use --to rmsnorm');
}

function checkBiases(
  { folder, spec }: Pick<Model, 'folder' | 'spec'>,
  { final, blocks }: { readonly final: boolean; readonly blocks: boolean },
  advice: string,
): void {
  if (spec.mlp.experts !== undefined && blocks) {
    throw new RefusalError(
      `${folder}: mlp.experts: the biases of its norms would become biases of the router, which has none${advice}`,
    );
  }
  if (spec.embeddingSize !== undefined && final) {
    throw new RefusalError(
      `${folder}: embeddingSize: the bias of the final norm would become one of head.projection, which has none${advice}`,
    );
  }
}

function biasesOf({ norm, finalNorm }: DecoderSpec) {
  return { blocks: hasParameter(norm, 'bias'), final: finalNorm !== null && hasParameter(finalNorm, 'bias') };
}

function isFolded({ spec, config }: Described): boolean {
  if (provenanceOf(config)?.folded) return true;
  return foldable(spec).every(({ norm }) => kindOf(norm).parameters.length === 0);
}

function foldable(spec: DecoderSpec): readonly NormPart[] {
  return decoderParts(spec).flatMap((part) => (part.type === 'norm' && isReadByLinears(part) ? [part] : []));
}

/** The rewriting that a target needs anyway is not asked for again. */
export function askedRewrites(target: ConversionTarget, { fold, qkNorms }: RewriteOptions): RewriteOptions {
  return { fold: fold === true && target === 'rmsnorm', qkNorms: qkNorms === true };
}
