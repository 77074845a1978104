import { encodeModel, type OnnxAttribute, type OnnxModel, type OnnxNode } from '../../graph/onnx/index.ts';
import { cpuEngine, type EngineTensor, type EngineOptions } from '../index.ts';
export const engine = cpuEngine();
export const i = (value: number): OnnxAttribute => ({ kind: 'int', value });
export const f = (value: number): OnnxAttribute => ({ kind: 'float', value });
export const s = (value: string): OnnxAttribute => ({ kind: 'string', value });
export const is = (...value: number[]): OnnxAttribute => ({ kind: 'ints', value });
export type Spec = { nodes: OnnxNode[]; inputs: Record<string, number[]>; outputs?: string[]; weights?: Record<string, number[]>; ints?: Record<string, number[]>; idx?: Record<string,{shape:number[],values:number[]}>; scalars?: Record<string, number>; opset?: number };
let seed = 1;
export function rnd(n: number): Float32Array { const a = new Float32Array(n); for (let k = 0; k < n; k++) { seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0; a[k] = seed / 2 ** 31 - 1; } return a; }
const bytes = (a: any) => new Uint8Array(a.buffer, a.byteOffset, a.byteLength);
export const size = (x: number[]) => x.reduce((a, b) => a * b, 1);
export function build(sp: Spec, chain?: number): { bytes: Uint8Array; feeds: Record<string, EngineTensor> } {
  const inits: any[] = [];
  for (const [name, shape] of Object.entries(sp.weights ?? {})) inits.push({ name, dtype: 'float32', shape, data: bytes(rnd(size(shape))) });
  for (const [name, v] of Object.entries(sp.ints ?? {})) inits.push({ name, dtype: 'int64', shape: [v.length], data: bytes(BigInt64Array.from(v.map(BigInt))) });
  for (const [name, v] of Object.entries(sp.idx ?? {})) inits.push({ name, dtype: 'int64', shape: v.shape, data: bytes(BigInt64Array.from(v.values.map(BigInt))) });
  for (const [name, v] of Object.entries(sp.scalars ?? {})) inits.push({ name, dtype: 'float32', shape: [], data: bytes(Float32Array.of(v)) });
  const outs = sp.outputs ?? ['y'];
  const m: OnnxModel = { irVersion: 10, producerName: 't', opsetImports: [{ domain: '', version: sp.opset ?? 23 }, { domain: 'com.microsoft', version: 1 }],
    graph: { name: 'g', nodes: sp.nodes, inputs: Object.entries(sp.inputs).map(([name, shape]) => ({ name, dtype: 'float32', shape })), outputs: outs.map((name) => ({ name, dtype: 'float32', shape: [] as any })), initializers: inits } };
  // outputs: leave shape off is unsupported; give ranks via symbolic dims
  const g: any = m.graph; g.outputs = outs.map((name) => ({ name, dtype: 'float32', shape: (sp as any).oshape ?? ['a','b'] }));
  const feeds: Record<string, EngineTensor> = {};
  for (const [name, shape] of Object.entries(sp.inputs)) feeds[name] = { dtype: 'float32', shape, data: rnd(size(shape)) };
  return { bytes: encodeModel(m), feeds };
}
export async function kernel(sp: Spec, opts: EngineOptions = {}, runs = 60): Promise<{ us: number; ops: string; wall: number }> {
  const nodes = [...sp.nodes, ...(sp.outputs ?? ['y']).map((o) => N('ReduceMax', [o], ['zz' + o], { keepdims: i(0) }))];
  const { bytes, feeds } = build({ ...sp, nodes, outputs: (sp.outputs ?? ['y']).map((o) => 'zz' + o), oshape: [] } as any);
  const sess = await engine.createSession(bytes, { threads: 2, profile: true, ...opts });
  let wall = Infinity;
  for (let k = 0; k < runs; k++) { const t = performance.now(); await sess.run(feeds); wall = Math.min(wall, performance.now() - t); }
  const p = await sess.profile(); await sess.release();
  const ns = p.nodes.filter((n) => n.opType !== 'ReduceMax'); const us = ns.reduce((a, n) => a + n.minMs * 1000, 0);
  return { us, wall: wall * 1000, ops: ns.map((n) => `${n.opType}:${(n.minMs * 1000).toFixed(0)}`).join(' ') };
}
export const N = (opType: string, inputs: string[], outputs = ['y'], attributes?: Record<string, OnnxAttribute>, domain?: string): OnnxNode => ({ opType, inputs, outputs, ...(attributes ? { attributes } : {}), ...(domain ? { domain } : {}) });
export async function show(label: string, sp: Spec, opts: EngineOptions = {}) {
  try { const a = await kernel(sp, { ...opts, threads: 1 }); const b = await kernel(sp, { ...opts, threads: 2 });
    console.log(`${label.padEnd(52)} 1t ${a.us.toFixed(0).padStart(7)}  2t ${b.us.toFixed(0).padStart(7)}    ${a.ops}`);
  } catch (e) { console.log(`${label.padEnd(52)} ERROR ${String((e as Error).message).slice(0, 230)}`); }
}
