import { expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import {
  type AdamWState,
  adamw,
  adamwScalars,
  add,
  constant,
  crossEntropy,
  evaluate,
  globalNormClip,
  gradients,
  input,
  makeValue,
  mean,
  parameter,
  sub,
  type Tensor,
  type Value,
} from '../graph/index.ts';
import { buildDecoder, type DecoderSpec } from '../models/index.ts';
import { preLnSpec, randomParameters } from './decoder.fixture.ts';
import { applyRules, type ParameterValues } from './rules/apply.ts';
import { conversionPlan } from './rules/plan.ts';
import type { Step } from './rules/steps.ts';

/*
A Pre-LN model LN(θ) and its conversion RMS(h(θ)) are one function of θ, so that their gradients with respect to θ are the
same: Cᵀ ∂L/∂φ with C = I − 1·1ᵀ/d where φ = C·θ. Whatever an optimizer makes of θ, its gradients and its state is then the
same too, AdamW's moments, weight decay and clipping included, as long as the graph centres and the optimizer sees θ as it
is. Train φ itself, and AdamW divides each entry of another gradient by another root: another trajectory. [Pre-RMSNorm §3.4]

Where a gradient is zero in theory (a key's bias) each model has rounding noise of its own, which AdamW divides by ε: with 1e-8
or more it stays far below 1e-9.
*/

const adam = { beta1: 0.9, beta2: 0.95 };
const settings = { learningRate: 3e-3, epsilon: 1e-8, weightDecay: 0.1 };
const batch = { rows: 2, sequence: 6 };
const steps = 50;

type Build = (leaf: (name: string) => Tensor) => { readonly inputIds: Tensor; readonly logits: Tensor };

/** The recentred decoder: its leaves are the source's parameters, and each goes through its conversion's rule in the graph. */
function recentred(source: DecoderSpec): Build {
  const { spec, rules } = conversionPlan(source, 'rmsnorm');
  const ruleOf = new Map(rules.map((rule) => [rule.name, rule]));
  return (leaf) =>
    buildDecoder(spec, {
      batch: batch.rows,
      sequence: batch.sequence,
      parameter: (name) => {
        const isTied = source.tiedHead && name === 'head.weight';
        const tensor = leaf(isTied ? 'embedding.token.weight' : name);
        return (ruleOf.get(name)?.steps ?? []).reduce(inGraph, tensor);
      },
    });
}

function inGraph(x: Tensor, step: Step): Tensor {
  switch (step.kind) {
    case 'centreRows':
      return sub(x, mean(x, [-1]));
    case 'centreColumns':
      return sub(x, mean(x, [0]));
    case 'addConstant':
      return add(x, constant([step.value]));
    default:
      throw new Error(`no step of rmsnorm: ${step.kind}`);
  }
}

function plain(spec: DecoderSpec): Build {
  return (leaf) => buildDecoder(spec, { batch: batch.rows, sequence: batch.sequence, parameter: leaf });
}

/** The parameters after AdamW steps in float64, each on random ids of its own, gradients clipped, matrices decayed. */
function train(build: Build, start: ParameterValues, vocabularySize: number): ParameterValues {
  const names = [...start.keys()];
  const state = (prefix: string) =>
    new Map([...start].map(([name, { shape }]) => [name, parameter(`${prefix}${name}`, shape)]));
  const [parameters, first, second] = [state(''), state('m.'), state('v.')];
  const labels = input('labels', 'int', [batch.rows, batch.sequence]);
  const { logits } = build((name) => get(parameters, name));
  const of = names.map((name) => get(parameters, name));
  const slopes = gradients(mean(crossEntropy(logits, labels)), of);
  const { factor } = globalNormClip(slopes, 1);
  const scalar = (name: string) => input(name, 'float', [1]);
  const scalars = { stepSize: scalar('stepSize'), epsilon: scalar('epsilon'), decay: scalar('decay') };
  const updated = names.map((name, i): AdamWState => {
    const gradient = slopes[i];
    if (gradient === undefined) throw new Error(name);
    const before = {
      parameter: get(parameters, name),
      firstMoment: get(first, name),
      secondMoment: get(second, name),
    };
    return adamw(before, gradient, factor, scalars, adam, before.parameter.shape.length > 1);
  });
  const outputs = updated.flatMap(({ parameter, firstMoment, secondMoment }) => [parameter, firstMoment, secondMoment]);
  const keys = names.flatMap((name) => [name, `m.${name}`, `v.${name}`]);
  const random = createRandom(7);
  const ids = () => {
    const data = Array.from({ length: batch.rows * batch.sequence }, () => random.integer(vocabularySize));
    return makeValue('int', [batch.rows, batch.sequence], data);
  };
  let values: Readonly<Record<string, Value>> = Object.fromEntries(
    [...start].flatMap(([name, value]) => {
      const zeros = makeValue('float', value.shape, new Float64Array(value.data.length));
      return [
        [name, value],
        [`m.${name}`, zeros],
        [`v.${name}`, zeros],
      ];
    }),
  );
  for (let t = 1; t <= steps; t++) {
    const numbers = Object.entries(adamwScalars(t, adam, settings));
    const given = Object.fromEntries(numbers.map(([name, value]) => [name, makeValue('float', [1], [value])]));
    const results = evaluate(outputs, { ...values, ...given, input_ids: ids(), labels: ids() });
    values = Object.fromEntries(keys.map((key, i) => [key, results[i] ?? makeValue('float', [0], [])]));
  }
  return new Map(names.map((name) => [name, values[name] ?? makeValue('float', [0], [])]));
}

function get(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`no ${name}`);
  return tensor;
}

/** The largest of all parameters' max |Δ| / max |value|. */
function distance(a: ParameterValues, b: ParameterValues): number {
  const ratios = [...a].map(([name, { data }]) => {
    const other = b.get(name)?.data ?? [];
    const difference = data.reduce((most, value, i) => Math.max(most, Math.abs(value - (other[i] ?? Number.NaN))), 0);
    return difference / data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  });
  return ratios.reduce((most, ratio) => Math.max(most, ratio), 0);
}

const gated = preLnSpec();
const models: readonly (readonly [string, DecoderSpec])[] = [
  ['GPT-2’s layers: a tied head, biases', preLnSpec()],
  [
    'OLMo’s layers: gated, rotary, no parameters in the norms',
    {
      ...gated,
      norm: { kind: 'layernorm-nonparametric', epsilon: 1e-5 },
      finalNorm: { kind: 'layernorm-nonparametric', epsilon: 1e-5 },
      positions: { kind: 'rotary', base: 1e4 },
      attention: { ...gated.attention, projection: 'separate', qkvBias: false, outputBias: false },
      mlp: { ...gated.mlp, kind: 'gated', activation: 'silu', bias: false },
      tiedHead: false,
    },
  ],
  [
    'Nemotron’s norms: weights stored less one',
    { ...gated, norm: { kind: 'layernorm1p', epsilon: 1e-5 }, finalNorm: { kind: 'layernorm1p', epsilon: 1e-5 } },
  ],
];

test.each(models)('trained recentred in the graph, the parameters stay those of the Pre-LN model: %s', (_, spec) => {
  const start = randomParameters(spec);
  const expected = train(plain(spec), start, spec.vocabularySize);
  expect(distance(expected, start)).toBeGreaterThan(0.05);
  expect(distance(expected, train(recentred(spec), start, spec.vocabularySize))).toBeLessThan(1e-9);
});

test('the conversion trained by itself, from the same function, goes elsewhere', async () => {
  const spec = preLnSpec({ tiedHead: false });
  const plan = conversionPlan(spec, 'rmsnorm');
  const start = randomParameters(spec);
  const expected = await applyRules(plan.rules, train(plain(spec), start, spec.vocabularySize));
  const trained = train(plain(plan.spec), await applyRules(plan.rules, start), spec.vocabularySize);
  expect(distance(expected, trained)).toBeGreaterThan(1e-2);
});
