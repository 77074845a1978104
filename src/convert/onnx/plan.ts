import type { OnnxModel } from '../../graph/index.ts';
import { type Decision, decide } from './decide.ts';
import { type GraphIndex, indexGraph } from './graph.ts';
import { findNorms, isFound, type NormSearch } from './norms/index.ts';
import type { NormOps } from './rewrite/normOps.ts';
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
  /** Names the file in errors. */
  readonly source: string;
}

/** Finds the norms, decides which are converted, and rewrites the graph. Throws InputError for a graph that contradicts itself. */
export function planOnnx(model: OnnxModel, { normOps, source }: PlanOptions): OnnxPlan {
  const index = indexGraph(model, source);
  const norms = findNorms(index);
  const found = norms.filter(isFound);
  const decision = decide(traceStreams(index, found), found);
  const { opset } = index;
  return { index, norms, decision, opset, rewriting: rewriteGraph(index, decision, { normOps, opset }) };
}
