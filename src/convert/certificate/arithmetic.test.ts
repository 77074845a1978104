import { expect, test } from 'vitest';
import { cpuEngine, type Engine } from '../../engine/index.ts';
import { evaluate, makeValue, type Value } from '../../graph/index.ts';
import { buildPiece } from '../../models/index.ts';
import { preLnSpec, randomParameters } from '../decoder.fixture.ts';
import { startArithmetic } from './arithmetic.ts';

const base = preLnSpec({ hiddenSize: 192, streamSize: 192, numLayers: 3 });
const spec = { ...base, mlp: { ...base.mlp, innerSize: 768 } };
const parameters = randomParameters(spec);
const size = { batch: 5, sequence: 8 };
const x = makeValue(
  'float',
  [5, 8, 192],
  Float64Array.from({ length: 40 * 192 }, (_, i) => Math.sin(i)),
);

function blockOf(layer: number) {
  const { output, parameters: names } = buildPiece(spec, { kind: 'block', layer }, size);
  const value = (name: string): Value => {
    const found = name === 'x' ? x : parameters.get(names.get(name) ?? '');
    if (found === undefined) throw new Error(`no ${name}`);
    return found;
  };
  return { output, names: ['x', ...names.keys()], value };
}

/** An engine that tells of its sessions. */
function counted(): { readonly engine: Engine; sessions(): number } {
  let sessions = 0;
  const engine = cpuEngine();
  const createSession: Engine['createSession'] = (model, options) => {
    sessions++;
    return engine.createSession(model, options);
  };
  return { engine: { ...engine, createSession }, sessions: () => sessions };
}

function largestError(found: Value, expected: Value): number {
  const scale = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return (
    found.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (expected.data[i] ?? Number.NaN))), 0) / scale
  );
}

test('products that the engine computes in float64 are those of the evaluator but for the order of their sums', async () => {
  const { engine, sessions } = counted();
  const arithmetic = startArithmetic(engine);
  for (const layer of [0, 1, 2]) {
    const { output, names, value } = blockOf(layer);
    const [expected] = evaluate([output], Object.fromEntries(names.map((name) => [name, value(name)])));
    const found = await arithmetic.exact(output, async (name) => value(name));
    expect(found.shape).toEqual([5, 8, 192]);
    expect(expected && largestError(found, expected)).toBeLessThan(1e-14);
    expect(found.data).not.toEqual(expected?.data);
  }
  expect(sessions()).toBe(1);
  await arithmetic.release();
});

test('the float32 engine has one session for all blocks that differ in their weights alone', async () => {
  const { engine, sessions } = counted();
  const arithmetic = startArithmetic(engine);
  for (const layer of [0, 1, 2, 0]) {
    const { output, names, value } = blockOf(layer);
    const [expected] = evaluate([output], Object.fromEntries(names.map((name) => [name, value(name)])));
    const error = expected && largestError(await arithmetic.float32(output, async (name) => value(name)), expected);
    expect(error).toBeLessThan(1e-5);
    expect(error).toBeGreaterThan(1e-9);
  }
  expect(sessions()).toBe(1);
  await arithmetic.release();
});
