import {
  add,
  cast,
  constant,
  div,
  lessOrEqual,
  matmul,
  reshape,
  scale,
  sigmoid,
  softmax,
  sum,
  type Tensor,
  where,
} from '../graph/index.ts';
import type { ExpertsSpec, SigmoidRouterSpec } from './spec.ts';
import { linear, type Weights } from './weights.ts';

/** What each expert's output is multiplied by, `[…, experts]`: 0 for those that the router does not choose. */
export function expertShares(experts: ExpertsSpec, weights: Weights, router: string, x: Tensor): Tensor {
  const { perToken, normalized, sigmoid: spec } = experts;
  if (spec === undefined) {
    const probabilities = softmax(linear(weights, router, x));
    const chosen = where(amongLargest(probabilities, perToken), probabilities, constant(0));
    return normalized ? div(chosen, sum(chosen, [-1])) : chosen;
  }
  const { tensor, transposed } = weights.get(`${router}.weight`);
  const probabilities = sigmoid(matmul(x, tensor, { transposeB: !transposed }));
  const preference = withinGroups(add(probabilities, weights.get(`${router}.bias`).tensor), spec);
  const chosen = where(amongLargest(preference, perToken), probabilities, constant(0));
  return scale(normalized ? div(chosen, add(sum(chosen, [-1]), constant(1e-20))) : chosen, spec.scale);
}

/**
 * Preferences for experts, −∞ outside of the chosen groups.
 *
 * DeepSeek's own code does this; releases of transformers that put 0 there choose arbitrarily among such experts where the
 * bias makes preferences within the groups negative.
 */
function withinGroups(preference: Tensor, { groups, groupsPerToken }: SigmoidRouterSpec): Tensor {
  if (groupsPerToken === groups) return preference;
  const lead = preference.shape.slice(0, -1);
  const size = Number(preference.shape.at(-1)) / groups;
  const grouped = reshape(preference, [...lead, groups, size]);
  const best = sum(where(amongLargest(grouped, 2), grouped, constant(0)), [-1], false);
  const isChosen = reshape(amongLargest(best, groupsPerToken), [...lead, groups, 1]);
  return reshape(where(isChosen, grouped, constant(Number.NEGATIVE_INFINITY)), preference.shape);
}

/** Whether each entry of the last axis is one of its `chosen` largest. */
function amongLargest(x: Tensor, chosen: number): Tensor {
  const lead = x.shape.slice(0, -1);
  const size = Number(x.shape.at(-1));
  const notLarger = sum(
    cast(lessOrEqual(reshape(x, [...lead, 1, size]), reshape(x, [...lead, size, 1])), 'float'),
    [-1],
    false,
  );
  return lessOrEqual(constant(size - chosen + 1), notLarger);
}
