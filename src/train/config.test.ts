import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InputError } from '../core/errors.ts';
import { defaultConfig, learningRateAt, parseConfig, usualWarmupSteps } from './config.ts';
import { tinyConfig } from './runs.fixture.ts';

const schedule = { learningRate: 0.01, finalFraction: 0.1, warmupSteps: 10, steps: 110 };

test('the learning rate rises in a line, falls in half a cosine and ends at its fraction', () => {
  expect(learningRateAt(1, schedule)).toBeCloseTo(0.001, 15);
  expect(learningRateAt(5, schedule)).toBeCloseTo(0.005, 15);
  expect(learningRateAt(10, schedule)).toBe(0.01);
  // cos 60° = 1/2 at a third of the way is beyond a step: half way the cosine is 0.
  expect(learningRateAt(60, schedule)).toBeCloseTo(0.01 * (0.1 + 0.9 / 2), 15);
  expect(learningRateAt(35, schedule)).toBeCloseTo(0.01 * (0.1 + 0.9 * 0.5 * (1 + Math.SQRT1_2)), 15);
  expect(learningRateAt(110, schedule)).toBeCloseTo(0.001, 15);
});

test('it never leaves its bounds and falls from step to step after the warm-up, whatever the schedule', () => {
  const schedules = fc
    .record({
      learningRate: fc.double({ min: 1e-6, max: 10, noNaN: true }),
      finalFraction: fc.double({ min: 0, max: 1, noNaN: true }),
      steps: fc.integer({ min: 1, max: 200 }),
      warmup: fc.double({ min: 0, max: 0.99, noNaN: true }),
    })
    .map(({ warmup, ...rest }) => ({ ...rest, warmupSteps: Math.floor(warmup * rest.steps) }));
  fc.assert(
    fc.property(schedules, (any) => {
      const rates = Array.from({ length: any.steps }, (_, i) => learningRateAt(i + 1, any));
      const { learningRate, warmupSteps, finalFraction } = any;
      expect(Math.max(...rates)).toBeLessThanOrEqual(learningRate * (1 + 1e-12));
      expect(rates.at(-1)).toBeCloseTo(learningRate * finalFraction, 10);
      if (warmupSteps > 0) expect(rates[warmupSteps - 1]).toBeCloseTo(learningRate, 12);
      for (let t = 1; t < rates.length; t++) {
        const change = (rates[t] ?? 0) - (rates[t - 1] ?? 0);
        if (t < warmupSteps) expect(change).toBeGreaterThan(0);
        else expect(change).toBeLessThanOrEqual(1e-12 * learningRate);
      }
    }),
  );
});

test('a short run warms up for a tenth of its steps', () => {
  expect([1, 9, 10, 500, 1000, 5000].map(usualWarmupSteps)).toEqual([0, 0, 1, 50, 100, 100]);
});

test('the default configuration is valid, and survives JSON', () => {
  expect(parseConfig(JSON.parse(JSON.stringify(defaultConfig)))).toEqual(defaultConfig);
});

test.each<[string, object]>([
  ['model.layers', { model: { ...defaultConfig.model, layers: 0 } }],
  ['model.layers', { model: { ...defaultConfig.model, layers: 1e12 } }],
  ['model.hiddenSize', { model: { ...defaultConfig.model, hiddenSize: 1, heads: 1 } }],
  ['model.hiddenSize', { model: { ...defaultConfig.model, hiddenSize: '128' } }],
  ['5 heads', { model: { ...defaultConfig.model, heads: 5 } }],
  ['model.context', { model: { ...defaultConfig.model, context: 1.5 } }],
  ['model.vocabularySize', { model: { ...defaultConfig.model, vocabularySize: 255 } }],
  ['model.placement', { model: { ...defaultConfig.model, placement: 'sideways' } }],
  ['Did you mean rmsnorm', { model: { ...defaultConfig.model, norm: 'rmsnrm' } }],
  ['placement pre', { model: { ...defaultConfig.model, norm: 'crmsnorm', placement: 'post' } }],
  ['dyt has no epsilon', { model: { ...defaultConfig.model, norm: 'dyt', epsilon: 1e-5 } }],
  ['model.epsilon', { model: { ...defaultConfig.model, epsilon: -1 } }],
  ['model', { model: undefined }],
  ['optimizer.beta2', { optimizer: { ...defaultConfig.optimizer, beta2: 1 } }],
  ['optimizer.epsilon', { optimizer: { ...defaultConfig.optimizer, epsilon: 0 } }],
  ['optimizer.clip', { optimizer: { ...defaultConfig.optimizer, clip: 0 } }],
  ['optimizer.weightDecay', { optimizer: { ...defaultConfig.optimizer, weightDecay: Number.NaN } }],
  ['schedule.learningRate', { schedule: { ...defaultConfig.schedule, learningRate: Number.POSITIVE_INFINITY } }],
  ['schedule.steps', { schedule: { ...defaultConfig.schedule, steps: 0 } }],
  ['schedule.warmupSteps is 1200', { schedule: { ...defaultConfig.schedule, warmupSteps: 1200 } }],
  ['batch', { batch: -1 }],
  ['seed', { seed: 0.5 }],
  ['text', { text: [] }],
  ['surprise', { surprise: 1 }],
])('a wrong %s is one line that says so', (key, change) => {
  const parse = () => parseConfig({ ...defaultConfig, ...change }, 'where');
  expect(parse).toThrow(InputError);
  expect(parse).toThrow(key);
  expect(parse).not.toThrow('\n');
});

test('every placement of every norm that can be elsewhere is allowed', () => {
  for (const placement of ['pre', 'post', 'output', 'peri'] as const) {
    expect(tinyConfig({ model: { norm: 'rmsnorm', placement } }).model.placement).toBe(placement);
  }
});
