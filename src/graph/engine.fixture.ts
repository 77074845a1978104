import type { Random } from '../core/random.ts';
import { ulp } from '../core/rounding.ts';
import { cpuEngine, type EngineOptions, type EngineTensor } from '../engine/index.ts';
import { type EmitOptions, emitOnnx, encodeModel } from './index.ts';
import { bindings } from './ops/draw.fixture.ts';
import { at, type Tensor, type Value } from './tensor.ts';
import { topologicalOrder } from './traverse.ts';

export type FloatType = NonNullable<EmitOptions['floatType']>;

const engine = cpuEngine();

/** Emits a graph and runs it once, on one thread. */
export async function runOnEngine(
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Readonly<Record<string, Value>>,
  { floatType = 'float32', fusedTransposes = false, ...options }: EngineOptions & EmitOptions = {},
): Promise<Readonly<Record<string, EngineTensor>>> {
  const model = encodeModel(emitOnnx(outputs, { floatType, fusedTransposes }));
  // Beyond the basic optimizations a scale that was fused into a product is a float32 number.
  const optimization = floatType === 'float64' ? 'basic' : 'all';
  const session = await engine.createSession(model, { threads: 1, spinning: false, optimization, ...options });
  try {
    const given = session.inputNames.map((name) => {
      const value = feeds[name];
      if (value === undefined) throw new Error(`no value for ${name}`);
      return [name, toEngine(value, floatType)] as const;
    });
    return await session.run(Object.fromEntries(given));
  } finally {
    await session.release();
  }
}

function toEngine({ dtype, shape, data }: Value, floatType: FloatType): EngineTensor {
  if (dtype === 'int') return { dtype: 'int64', shape, data: BigInt64Array.from(data, BigInt) };
  if (dtype === 'bool') return { dtype: 'bool', shape, data: Uint8Array.from(data) };
  if (floatType === 'float64') return { dtype: floatType, shape, data };
  return { dtype: floatType, shape, data: Float32Array.from(data) };
}

/** An engine's numbers as float64. */
export function numbersOf(tensor: EngineTensor | undefined): readonly number[] {
  return Array.from<number | bigint, number>(tensor?.data ?? [], Number);
}

const samples = 10;
const safety = 64;

/**
 * How far from the float64 results an engine of `floatType` may be, entry by entry.
 *
 * Every op is evaluated with each float that it reads and writes moved by up to an ulp of that type (relative to its own
 * size, at random), which is what a kernel does that is backward stable and rounds each result once. The farthest that
 * an entry moves in 10 such evaluations, times 64, plus 4 ulps of the entry is its tolerance. Where a graph
 * cancels, it grows as it has to. 64 is what a norm's gradient on a row of one entry needs, doubled: it is lowered to
 * several ops, which cancel inside.
 */
export function tolerances(
  outputs: readonly Tensor[],
  feeds: ReadonlyMap<string, Value>,
  exact: readonly Value[],
  floatType: FloatType,
  random: Random,
): readonly Float64Array[] {
  const farthest = exact.map(({ data }) => data.map((value) => 4 * ulp(value, floatType)));
  const order = topologicalOrder(outputs);
  for (let run = 0; run < samples; run++) {
    const values = new Map<Tensor, Value>();
    const current = (tensor: Tensor): Value => {
      if (tensor.origin.kind === 'constant') return tensor.origin.value;
      const value = tensor.origin.kind === 'node' ? values.get(tensor) : feeds.get(tensor.origin.name);
      if (value === undefined) throw new Error('a tensor has no value');
      return value;
    };
    for (const node of order) {
      const inputs = node.inputs.map((tensor) => moved(current(tensor), floatType, random));
      const results = node.rules.evaluate(inputs, bindings);
      for (const [i, output] of node.outputs.entries()) {
        values.set(output, moved(at(results, i, node.op), floatType, random));
      }
    }
    for (const [i, output] of outputs.entries()) {
      const { data } = at(exact, i, 'outputs');
      const tolerance = at(farthest, i, 'outputs');
      for (const [j, value] of current(output).data.entries()) {
        tolerance[j] = Math.max(tolerance[j] ?? 0, safety * Math.abs(value - (data[j] ?? Number.NaN)));
      }
    }
  }
  return farthest;
}

function moved(value: Value, floatType: FloatType, random: Random): Value {
  if (value.dtype !== 'float') return value;
  return { ...value, data: value.data.map((x) => x + (2 * random.uniform() - 1) * ulp(x, floatType)) };
}
