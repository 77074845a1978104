import { beforeAll, describe, expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import { cpuEngine, type Engine } from '../engine/index.ts';
import { adamwScalars, evaluate, type Value } from '../graph/index.ts';
import { type DecoderSpec, decoderParameters } from '../models/index.ts';
import { trainBatch } from '../text/index.ts';
import { initialParameter, trainSpec } from './model.ts';
import { type Chunk, packParameters, sizeOf, unpackData } from './packing.ts';
import { tinyConfig, tinyCorpus } from './runs.fixture.ts';
import { createEvaluator, createTrainStep, type TrainState, trainStepGraph } from './step.ts';

const shape = { batch: 2, context: 8 };
const corpus = tinyCorpus();
const batch = trainBatch(corpus.train, { ...shape, step: 0, random: createRandom('batch') });
const optimizer = tinyConfig().optimizer;
const parts = ['parameters', 'firstMoments', 'secondMoments'] as const;

let engine: Engine;
beforeAll(() => {
  engine = cpuEngine();
});

describe('packing', () => {
  const spec = trainSpec(tinyConfig().model);
  const declarations = decoderParameters(spec);

  test.each([1, 500, 5000, 1e9])('every parameter lies in one chunk, whatever the limit (%i)', (limit) => {
    const chunks = packParameters(declarations, limit);
    const names = chunks.flatMap(({ members }) => members.map(({ name }) => name));
    expect(names.toSorted()).toEqual(declarations.map(({ name }) => name).toSorted());
    expect(new Set(chunks.map(({ name }) => name)).size).toBe(chunks.length);
    for (const { members, size } of chunks) {
      expect(size).toBe(members.reduce((total, member) => total + sizeOf(member), 0));
      expect(size <= limit || members.length === 1).toBe(true);
    }
    expect(new Set(chunks.map(({ decays }) => decays))).toEqual(new Set([true, false]));
  });

  test('data that were packed come out again', () => {
    for (const chunk of packParameters(declarations, 5000)) {
      const flat = Float32Array.from({ length: chunk.size }, (_, i) => i);
      const pieces = [...unpackData(chunk, flat).values()];
      expect(pieces.map((piece) => piece.length)).toEqual(chunk.members.map(sizeOf));
      expect(Float32Array.from(pieces.flatMap((piece) => [...piece]))).toEqual(flat);
    }
  });
});

/** A state in the middle of a run: moments that are not zero. */
function someState(spec: DecoderSpec, chunks: readonly Chunk[]): TrainState {
  const random = createRandom('state');
  const flat = (fill: (values: Float32Array) => void) =>
    chunks.map(({ size }) => {
      const values = new Float32Array(size);
      fill(values);
      return values;
    });
  const parameters = chunks.map(({ members }) =>
    Float32Array.from(members.flatMap((member) => [...initialParameter(spec, member, random)])),
  );
  return {
    parameters: parameters.map((values) => values.map((value) => value + 0.05 * random.normal())),
    firstMoments: flat((values) => random.fillNormal(values, 0.01)),
    secondMoments: flat((values) => values.set(values.map(() => 1e-4 * random.uniform() + 1e-6))),
  };
}

/** The same step in float64 by the graph's definition. */
function referenceStep(
  spec: DecoderSpec,
  chunks: readonly Chunk[],
  state: TrainState,
  t: number,
  learningRate: number,
) {
  const outputs = trainStepGraph(spec, shape, optimizer, chunks);
  const float = (data: ArrayLike<number>): Value => ({
    dtype: 'float',
    shape: [data.length],
    data: Float64Array.from(data),
  });
  const ids = (data: Int32Array): Value => ({
    dtype: 'int',
    shape: [shape.batch, shape.context],
    data: Float64Array.from(data),
  });
  const scalars = adamwScalars(t, optimizer, { ...optimizer, learningRate });
  const feeds: Record<string, Value> = { input_ids: ids(batch.inputs), labels: ids(batch.targets) };
  for (const [name, value] of Object.entries(scalars)) feeds[name] = float([Math.fround(value)]);
  for (const part of parts) for (const [i, data] of state[part].entries()) feeds[`${part}.${i}`] = float(data);
  const names = Object.keys(outputs);
  const values = evaluate(Object.values(outputs), feeds);
  return new Map(names.map((name, i) => [name, values[i]?.data ?? new Float64Array()]));
}

const cases = [
  { norm: 'layernorm', placement: 'pre' },
  { norm: 'rmsnorm', placement: 'pre' },
  { norm: 'crmsnorm', placement: 'pre' },
  { norm: 'dyt', placement: 'pre' },
  { norm: 'none', placement: 'pre' },
  { norm: 'layernorm', placement: 'post' },
  { norm: 'rmsnorm', placement: 'peri' },
  { norm: 'prmsnorm', placement: 'output' },
] as const;

test.each(cases)('a step with $norm, $placement, is the float64 one', async (model) => {
  const spec = trainSpec(tinyConfig({ model }).model);
  const step = await createTrainStep(spec, shape, optimizer, engine, { threads: 1 });
  try {
    const { chunks } = step;
    const state = someState(spec, chunks);
    const result = await step.run(state, batch, 7, 0.01);
    const expected = referenceStep(spec, chunks, state, 7, 0.01);
    const scalar = (name: string) => expected.get(name)?.[0] ?? Number.NaN;
    expect(Math.abs(result.loss - scalar('loss'))).toBeLessThan(1e-5 * scalar('loss'));
    expect(Math.abs(result.gradNorm - scalar('gradNorm'))).toBeLessThan(2e-5 * scalar('gradNorm'));
    for (const part of parts) {
      for (const [i, data] of result.state[part].entries()) {
        const reference = expected.get(`next.${part}.${i}`) ?? new Float64Array();
        expect(data.length).toBe(reference.length);
        const largest = reference.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const error = reference.reduce(
          (most, value, k) => Math.max(most, Math.abs(value - (data[k] ?? Number.NaN))),
          0,
        );
        expect(error, `${part}.${i}`).toBeLessThan(1e-5 * largest);
      }
    }
  } finally {
    await step.release();
  }
});

test('steps on one batch bring its loss down, and the evaluator agrees on it', async () => {
  const spec = trainSpec(tinyConfig({ model: { norm: 'rmsnorm' } }).model);
  const step = await createTrainStep(spec, shape, optimizer, engine, { threads: 1 });
  const evaluator = await createEvaluator(spec, shape, step.chunks, engine, { threads: 1 });
  const random = createRandom('initial');
  const zeros = () => step.chunks.map(({ size }) => new Float32Array(size));
  const parameters = step.chunks.map(({ members }) =>
    Float32Array.from(members.flatMap((member) => [...initialParameter(spec, member, random)])),
  );
  let state: TrainState = { parameters, firstMoments: zeros(), secondMoments: zeros() };
  const losses: number[] = [];
  for (let t = 1; t <= 10; t++) {
    const before = await evaluator.run(state.parameters, [batch, batch]);
    const result = await step.run(state, batch, t, 0.003);
    expect(before).toBeCloseTo(result.loss, 5);
    losses.push(result.loss);
    state = result.state;
  }
  expect(losses).toEqual(losses.toSorted((a, b) => b - a));
  expect(losses[9]).toBeLessThan((losses[0] ?? 0) - 0.3);
  await step.release();
  await evaluator.release();
});
