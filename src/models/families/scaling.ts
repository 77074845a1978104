import type { RotaryScaling } from '../spec.ts';
import type { ConfigReader } from './config.ts';

/** What a family assumes about the scaling of its rotations. */
export interface ScalingDefaults {
  /** `max_position_embeddings` where the key is missing; default: it is required where it matters. */
  readonly positions?: number;
  /** `original_max_position_embeddings` where the key is missing; default: `max_position_embeddings`. */
  readonly originalPositions?: number;
  /** Names under which the family knows a kind of scaling. */
  readonly kinds?: Readonly<Record<string, RotaryScaling['kind']>>;
}

const kinds = {
  default: 'default',
  linear: 'linear',
  dynamic: 'dynamic',
  yarn: 'yarn',
  longrope: 'longrope',
  llama3: 'llama3',
} as const;

/**
 * The scaling of rotations that an object under `rope_scaling` or `rope_parameters` asks for; undefined where it asks for
 * none. `size` is the number of rotated coordinates of a head.
 *
 * Throws RefusalError for a kind that isn't supported, InputError for keys that are missing or don't fit. Between
 * releases of transformers that read YaRN's keys differently, the newest are followed: `factor` is what it says also
 * where the number of positions grew by another factor.
 */
export function readScaling(
  object: ConfigReader,
  config: ConfigReader,
  size: number,
  own: ScalingDefaults,
): RotaryScaling | undefined {
  const key = object.has('rope_type') ? 'rope_type' : 'type';
  const kind = object.choice<keyof typeof kinds>(key, { ...kinds, ...own.kinds }, 'default');
  const positions = () => config.count('max_position_embeddings', own.positions);
  switch (kind) {
    case 'default':
      object.unsupported('factor', 'the kind of scaling (rope_type) is missing', [1]);
      return undefined;
    case 'linear':
      return { kind, factor: object.positive('factor') };
    case 'dynamic':
      return { kind, factor: object.positive('factor'), originalPositions: positions() };
    case 'llama3': {
      const lowFrequencyFactor = object.positive('low_freq_factor');
      const highFrequencyFactor = object.positive('high_freq_factor');
      if (highFrequencyFactor <= lowFrequencyFactor) {
        throw object.wrong(`high_freq_factor is ${highFrequencyFactor}, expected more than low_freq_factor`);
      }
      const originalPositions = object.count('original_max_position_embeddings');
      return { kind, factor: object.positive('factor'), lowFrequencyFactor, highFrequencyFactor, originalPositions };
    }
    case 'yarn': {
      object.unsupported('truncate', 'only whole bounds of the mixture are supported', [true]);
      const factor = object.positive('factor');
      return {
        kind,
        factor,
        originalPositions: object.optionalCount('original_max_position_embeddings') ?? positions(),
        fastTurns: object.optionalPositive('beta_fast') ?? 32,
        slowTurns: object.optionalPositive('beta_slow') ?? 1,
        attentionFactor: object.optionalPositive('attention_factor') ?? yarnAttentionFactor(object, factor),
      };
    }
    case 'longrope':
      return longrope(object, config, size, own, positions());
  }
}

/** What YaRN multiplies by for a factor: 0.1 · weight · ln(factor) + 1. [YaRN §3.4] */
export function yarnScale(factor: number, weight = 1): number {
  return factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
}

function yarnAttentionFactor(object: ConfigReader, factor: number): number {
  const [weight, weightOfAll] = [object.optionalPositive('mscale'), object.optionalPositive('mscale_all_dim')];
  if (weight === null || weightOfAll === null) return yarnScale(factor);
  return yarnScale(factor, weight) / yarnScale(factor, weightOfAll);
}

function longrope(
  object: ConfigReader,
  config: ConfigReader,
  size: number,
  own: ScalingDefaults,
  positions: number,
): RotaryScaling {
  for (const key of ['short_mscale', 'long_mscale']) object.unsupported(key, 'factors of its own are not supported');
  const key = 'original_max_position_embeddings';
  const original = config.optionalCount(key) ?? object.optionalCount(key) ?? own.originalPositions ?? null;
  const factor = original === null ? object.positive('factor') : positions / original;
  const originalPositions = original ?? positions;
  const growth = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalPositions));
  const factors = (name: string) => {
    const list = object.positives(name);
    if (list.length === size / 2) return list;
    throw object.wrong(`${name} has ${list.length} entries, expected one for each of ${size / 2} pairs of coordinates`);
  };
  return {
    kind: 'longrope',
    shortFactors: factors('short_factor'),
    longFactors: factors('long_factor'),
    originalPositions,
    attentionFactor: object.optionalPositive('attention_factor') ?? growth,
  };
}
