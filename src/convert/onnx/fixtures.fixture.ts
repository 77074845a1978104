import { readdirSync } from 'node:fs';
import { openSafetensors } from '../../checkpoint/index.ts';
import { elementTypeOf, evaluateOnnx, type OnnxModel, type Value } from '../../graph/index.ts';
import { type OnnxSource, openOnnx } from './certificate/index.ts';
import { type OnnxPlan, planOnnx } from './plan.ts';
import { centredValues } from './rewrite/centre.ts';
import { asNode } from './rewrite/live.ts';
import type { NormOps } from './rewrite/normOps.ts';
import { tensorReader } from './source.ts';

const root = new URL('../../../test/fixtures/onnx/', import.meta.url);

export const exportedCases: readonly string[] = readdirSync(root);

export const modelPath = (name: string) => new URL(`${name}/model.onnx`, root).pathname;

/** What was recorded for an exported model: its inputs, and PyTorch's outputs in float64. */
export async function recorded(name: string): Promise<Readonly<Record<string, Value>>> {
  const file = await openSafetensors(new URL(`${name}/golden.safetensors`, root).pathname);
  try {
    const values: Record<string, Value> = {};
    for (const { name: tensor, dtype, shape } of file.tensors.values()) {
      values[tensor] = { dtype: elementTypeOf(dtype), shape, data: await file.readFloat64(tensor) };
    }
    return values;
  } finally {
    await file.close();
  }
}

export async function planned(
  name: string,
  normOps: NormOps = 'auto',
): Promise<{ source: OnnxSource; plan: OnnxPlan }> {
  const source = await openOnnx(modelPath(name));
  return { source, plan: planOnnx(source.model, { normOps, source: name }) };
}

/** The rewritten model as data, and its centred constants before they are rounded. */
export async function exactResult({ external }: Pick<OnnxSource, 'external'>, plan: OnnxPlan) {
  const { index, rewriting } = plan;
  const reader = tensorReader(external, index.constant);
  const exact = new Map<string, Float64Array>();
  for (const tensor of rewriting.centred) {
    const blocks: number[] = [];
    for await (const block of centredValues(tensor, reader)) blocks.push(...block);
    exact.set(tensor.name, Float64Array.from(blocks));
  }
  const kept = index.graph.initializers.filter(({ name }) => !rewriting.removed.has(name));
  const copies = rewriting.centred.filter(({ isCopy }) => isCopy).map(({ source, name }) => ({ ...source, name }));
  const graph = {
    ...index.graph,
    nodes: rewriting.nodes.map((node) => asNode(index, node)),
    initializers: [...kept, ...copies, ...rewriting.added],
  };
  return { graph, exact };
}

/** The outputs of the source in float64, and those of the result with its constants unrounded. */
export async function bothInFloat64(
  source: Pick<OnnxSource, 'external' | 'model'>,
  plan: OnnxPlan,
  inputs: Readonly<Record<string, Value>>,
) {
  const { graph, exact } = await exactResult(source, plan);
  const outside = new Map<string, Value>();
  const reader = tensorReader(source.external, plan.index.constant);
  for (const tensor of source.model.graph.initializers) {
    if ('external' in tensor) {
      const data = await reader.readConstant(tensor.name);
      outside.set(tensor.name, { dtype: 'float', shape: tensor.shape, data });
    }
  }
  const result: OnnxModel = {
    ...source.model,
    opsetImports: [...source.model.opsetImports, { domain: 'com.microsoft', version: 1 }],
    graph,
  };
  const before = evaluateOnnx(source.model, inputs, { initializer: ({ name }) => outside.get(name) });
  const after = evaluateOnnx(result, inputs, {
    initializer: ({ name, shape }) => {
      const data = exact.get(name);
      return data === undefined ? outside.get(name) : { dtype: 'float', shape, data };
    },
  });
  return { before, after };
}

/** The largest difference of two values, relative to the largest entry of the first where that is above 1. */
export function largestDifference(a: Value | undefined, b: Value | undefined): number {
  if (a === undefined || b === undefined || String(a.shape) !== String(b.shape)) return Number.NaN;
  let scale = 1;
  for (const value of a.data) scale = Math.max(scale, Math.abs(value));
  let largest = 0;
  for (const [i, value] of a.data.entries()) {
    const difference = Math.abs(value - (b.data[i] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
  }
  return largest / scale;
}
