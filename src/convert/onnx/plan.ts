import { RefusalError } from '../../core/errors.ts';
import type { OnnxModel } from '../../graph/index.ts';
import { type Decision, decide } from './decide.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { findNorms, isFound, type NormSearch } from './norms/index.ts';
import { type NormOps, rmsNormOpset } from './rewrite/normOps.ts';
import { checkOpset } from './rewrite/opset.ts';
import { type Rewriting, rewriteGraph } from './rewrite/rewrite.ts';
import { traceStreams } from './trace.ts';

/** What a conversion of a graph does, decided without reading a weight. */
export interface OnnxPlan {
  readonly index: GraphIndex;
  /** All norms that were seen, in order. */
  readonly norms: readonly NormSearch[];
  readonly decision: Decision;
  readonly rewriting: Rewriting;
  /** Of ONNX's own operators, in the result. */
  readonly opset: number;
}

export interface PlanOptions {
  readonly normOps: NormOps;
  /** Of ONNX's own operators, in the result. Default: what the model imports. */
  readonly opset?: number | undefined;
  /** Names the file in errors. */
  readonly source: string;
}

/**
 * Finds the norms, decides which are converted, and rewrites the graph.
 *
 * Throws InputError for a graph that contradicts itself, RefusalError for an operator set that it can't have.
 */
export function planOnnx(model: OnnxModel, { normOps, source, ...options }: PlanOptions): OnnxPlan {
  const index = indexGraph(model, source);
  const { opset = index.opset } = options;
  checkOpset(index, model, opset, source);
  if (normOps === 'rmsnormalization' && opset < rmsNormOpset) {
    throw new RefusalError(
      `${source}: RMSNormalization is in ONNX from operator set ${rmsNormOpset} on, and this would have ${opset}; ask for --opset ${rmsNormOpset}, or for other --norm-ops`,
    );
  }
  const norms = findNorms(index);
  const found = norms.filter(isFound);
  const decision = decide(traceStreams(index, found), found);
  return { index, norms, decision, opset, rewriting: rewriteGraph(index, decision, { normOps, opset }) };
}
