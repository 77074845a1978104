import { drawIndex } from '../core/drawIndex.ts';
import { InputError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';

export interface SamplingOptions {
  /** What logits are divided by; 0 takes the likeliest token always. Default 0. */
  readonly temperature?: number;
  /** Only the k likeliest tokens are drawn from. Default: all. */
  readonly topK?: number;
  /** Of these, only the fewest likeliest ones whose probabilities sum up to p. Default 1: all. */
  readonly topP?: number;
}

/** A token that was chosen. */
export interface Choice {
  readonly id: number;
  /** ln of the probability that the model itself gave it: the softmax of its logits, whatever the sampling options. */
  readonly logProbability: number;
}

/** Chooses the next token from its logits, `[vocabularySize]`. */
export type Sampler = (logits: Float32Array) => Choice;

/**
 * A sampler: logits are divided by the temperature, then cut to the top k, then to the top p, and what is left is drawn
 * from by its probabilities. Of equal logits the smaller id counts as the likelier one.
 *
 * `random` gives one number for each token that is drawn, none at temperature 0. Throws InputError for options out of
 * range; the sampler throws it for logits that are no distribution: one is NaN or +∞, or all are −∞.
 */
export function createSampler(options: SamplingOptions, random: Random): Sampler {
  const { temperature = 0, topK, topP = 1 } = options;
  if (!(Number.isFinite(temperature) && temperature >= 0))
    throw new InputError(`generate: the temperature is ${temperature}, expected a number from 0`);
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1))
    throw new InputError(`generate: top k is ${topK}, expected a whole number from 1`);
  if (!(topP > 0 && topP <= 1)) throw new InputError(`generate: top p is ${topP}, expected above 0, at most 1`);

  return (logits) => {
    const best = argmax(logits);
    const top = logits[best] ?? 0;
    let sum = 0;
    for (const logit of logits) sum += Math.exp(logit - top);
    const choose = (id: number): Choice => ({ id, logProbability: (logits[id] ?? 0) - top - Math.log(sum) });
    if (temperature === 0) return choose(best);
    return choose(draw(candidates(logits, top, { temperature, topK, topP }), random));
  };
}

/** The id of the largest logit, the smallest of several. Throws InputError where there is no distribution. */
function argmax(logits: Float32Array): number {
  let best = -1;
  let top = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? Number.NaN;
    if (Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY) {
      const what = Number.isNaN(logit) ? 'NaN' : 'infinite';
      throw new InputError(
        `generate: the logit of id ${id} is ${what}, so that there are no probabilities; the model's weights hold such values or overflow in float32`,
      );
    }
    if (logit > top) {
      top = logit;
      best = id;
    }
  }
  if (best < 0) throw new InputError('generate: all logits are −∞, so that there are no probabilities');
  return best;
}

interface Candidate {
  readonly id: number;
  readonly logit: number;
  /** In proportion to its probability. */
  readonly weight: number;
}

type Limits = Required<Pick<SamplingOptions, 'temperature' | 'topP'>> & Pick<SamplingOptions, 'topK'>;

/** The tokens that are drawn from. */
function candidates(logits: Float32Array, top: number, { temperature, topK, topP }: Limits): readonly Candidate[] {
  let all: Candidate[] = [];
  logits.forEach((logit, id) => {
    const weight = Math.exp((logit - top) / temperature);
    if (weight > 0) all.push({ id, logit, weight });
  });
  if (topK !== undefined && topK < all.length) {
    const weakest =
      Float32Array.from(all, ({ logit }) => logit)
        .sort()
        .at(-topK) ?? 0;
    all = byLogit(all.filter(({ logit }) => logit >= weakest)).slice(0, topK);
  }
  return topP < 1 ? nucleus(all, topP) : all;
}

function byLogit(some: readonly Candidate[]): Candidate[] {
  return [...some].sort((a, b) => b.logit - a.logit || a.id - b.id);
}

/** The fewest likeliest candidates whose probabilities reach p [Holtzman 2020 §3.1]. */
function nucleus(all: readonly Candidate[], p: number): readonly Candidate[] {
  const total = sumOf(all);
  // Those under this weight have less than 1 − p together: without them there is less to sort.
  const least = ((1 - p) * total) / all.length;
  const sorted = byLogit(all.filter(({ weight }) => weight >= least));
  let sum = 0;
  const end = sorted.findIndex(({ weight }) => {
    sum += weight;
    return sum >= p * total;
  });
  return end < 0 ? sorted : sorted.slice(0, end + 1);
}

function draw(some: readonly Candidate[], random: Random): number {
  const drawn = drawIndex(
    some.map(({ weight }) => weight),
    random,
  );
  const chosen = some[drawn];
  if (chosen === undefined) throw new Error('generate: nothing to draw from');
  return chosen.id;
}

function sumOf(some: readonly Candidate[]): number {
  return some.reduce((sum, { weight }) => sum + weight, 0);
}
