import { expect, test } from 'vitest';
import { constant, evaluate, type Tensor } from '../graph/index.ts';
import { expertShares } from './routing.ts';
import type { SigmoidRouterSpec } from './spec.ts';
import type { Weights } from './weights.ts';

/** The shares of four experts, in two groups, of which the router thinks alike, so that the bias alone decides. */
function shares(bias: readonly number[], sigmoid: Pick<SigmoidRouterSpec, 'groupsPerToken'>): readonly number[] {
  const tensors: Readonly<Record<string, Tensor>> = {
    'router.weight': constant(new Float64Array(8), [4, 2]),
    'router.bias': constant(Float64Array.from(bias), [4]),
  };
  const weights: Weights = {
    stored: new Map(),
    find: () => undefined,
    get: (name) => ({ tensor: tensors[name] ?? constant(Number.NaN), transposed: false }),
  };
  const experts = { count: 4, perToken: 2, normalized: true, sigmoid: { groups: 2, scale: 1, ...sigmoid } };
  const [values] = evaluate([expertShares(experts, weights, 'router', constant(Float64Array.of(1, -1), [1, 2]))], {});
  return Array.from(values?.data ?? []);
}

test('experts come from the chosen group, also where its preferences are negative', () => {
  expect(shares([-0.6, -0.7, -1, -2], { groupsPerToken: 1 })).toEqual([0.5, 0.5, 0, 0]);
  expect(shares([0.1, 0.2, 5, -9], { groupsPerToken: 1 })).toEqual([0.5, 0.5, 0, 0]);
});

test('all groups may be chosen', () => {
  expect(shares([0.1, 0.2, 5, -9], { groupsPerToken: 2 })).toEqual([0, 0.5, 0.5, 0]);
});
