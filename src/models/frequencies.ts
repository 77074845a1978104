import type { RotaryPositions, RotaryScaling } from './spec.ts';

/**
 * The angle by which each pair of coordinates turns from one position to the next, in sequences of `length` positions;
 * by default in those no longer than the model was trained on.
 */
export function rotaryFrequencies({ base, scaling }: RotaryPositions, size: number, length = 1): readonly number[] {
  const frequencies = frequenciesOf(base, size);
  switch (scaling?.kind) {
    case undefined:
      return frequencies;
    case 'linear':
      return frequencies.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return llama3(frequencies, scaling);
    case 'dynamic': {
      const { factor, originalPositions } = scaling;
      const growth = factor * Math.max(length / originalPositions, 1) - factor + 1;
      return frequenciesOf(grown(base, growth, size), size);
    }
    case 'doubling': {
      const doublings = Math.ceil(Math.log2(length / scaling.originalPositions) + 1);
      return frequenciesOf(grown(base, Math.max(2 ** doublings - 1, 1), size), size);
    }
    case 'yarn':
      return yarn(frequencies, base, scaling);
    case 'longrope': {
      const factors = length > scaling.originalPositions ? scaling.longFactors : scaling.shortFactors;
      return frequencies.map((frequency, i) => frequency / (factors[i] ?? Number.NaN));
    }
  }
}

/** What queries and keys are multiplied by as they are rotated. */
export function attentionFactorOf(scaling: RotaryScaling | undefined): number {
  return scaling?.kind === 'yarn' || scaling?.kind === 'longrope' ? scaling.attentionFactor : 1;
}

/** The base with which the slowest pair turns `growth` times slower. */
function grown(base: number, growth: number, size: number): number {
  return growth === 1 ? base : base * growth ** (size / (size - 2));
}

function frequenciesOf(base: number, size: number): readonly number[] {
  return Array.from({ length: size / 2 }, (_, i) => base ** ((-2 * i) / size));
}

function llama3(
  frequencies: readonly number[],
  {
    factor,
    lowFrequencyFactor: low,
    highFrequencyFactor: high,
    originalPositions,
  }: RotaryScaling & { readonly kind: 'llama3' },
): readonly number[] {
  return frequencies.map((frequency) => {
    const turns = (originalPositions * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const kept = (turns - low) / (high - low);
    return (1 - kept) * (frequency / factor) + kept * frequency;
  });
}

function yarn(
  frequencies: readonly number[],
  base: number,
  { factor, originalPositions, fastTurns, slowTurns }: RotaryScaling & { readonly kind: 'yarn' },
): readonly number[] {
  const size = 2 * frequencies.length;
  const pairThatTurns = (times: number) =>
    (size * Math.log(originalPositions / (times * 2 * Math.PI))) / (2 * Math.log(base));
  const first = Math.max(Math.floor(pairThatTurns(fastTurns)), 0);
  const last = Math.min(Math.ceil(pairThatTurns(slowTurns)), size - 1);
  // The reference code keeps the ramp from being a division by zero so.
  const width = first === last ? 0.001 : last - first;
  return frequencies.map((frequency, i) => {
    const divided = Math.min(Math.max((i - first) / width, 0), 1);
    return divided * (frequency / factor) + (1 - divided) * frequency;
  });
}
