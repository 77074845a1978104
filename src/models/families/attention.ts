import type { RotaryPositions } from '../spec.ts';
import type { ConfigReader } from './config.ts';
import { readScaling, type ScalingDefaults } from './scaling.ts';

/** More heads than any model has: a bound on what a config can make us allocate before its tensors are looked at. */
const maxHeads = 65_536;

/**
 * The hidden size divided by the number of heads, under their keys. Throws InputError where that has a remainder, and for
 * more heads than any model has.
 */
export function dividedHeadSize(config: ConfigReader, hiddenKey: string, headsKey: string): number {
  const hiddenSize = config.count(hiddenKey);
  const numHeads = config.count(headsKey);
  if (numHeads > maxHeads)
    throw config.wrong(`${config.nameOf(headsKey)} is ${numHeads}, expected at most ${maxHeads}`);
  if (hiddenSize % numHeads === 0) return hiddenSize / numHeads;
  const [hidden, heads] = [config.nameOf(hiddenKey), config.nameOf(headsKey)];
  throw config.wrong(`${hidden} is ${hiddenSize}, expected a multiple of ${heads} (${numHeads})`);
}

/** The size of Llama's heads: `head_dim`, or where that is null or missing the hidden size divided by the number of heads. */
export function readHeadSize(config: ConfigReader): number {
  return config.optionalCount('head_dim') ?? dividedHeadSize(config, 'hidden_size', 'num_attention_heads');
}

/**
 * The number of key and value heads: that of heads where the key is null, and where it is missing unless the family has
 * another default. Throws InputError unless it divides the number of heads.
 */
export function readKeyValueHeads(config: ConfigReader, fallback?: number): number {
  const numHeads = config.count('num_attention_heads');
  const count = config.nullableCount('num_key_value_heads', fallback ?? numHeads) ?? numHeads;
  if (numHeads % count === 0) return count;
  throw config.wrong(`num_key_value_heads is ${count}, expected a divisor of num_attention_heads (${numHeads})`);
}

/** What is a family's own about its rotary positions. */
export interface RotaryDefaults extends ScalingDefaults {
  /** The `rope_parameters` of these layers; default: those under that key. */
  readonly parameters?: ConfigReader | null;
}

/**
 * Rotary positions from `rope_theta` and `rope_scaling`, which transformers 5 writes into `rope_parameters`.
 *
 * `defaultFraction` is that of a family that rotates a part of each head (`partial_rotary_factor`). Throws RefusalError
 * where the config asks for scaled rotations of an unknown kind or, in another family, for partial ones, InputError for
 * heads of an odd size.
 */
export function readRotary(
  config: ConfigReader,
  headSize: number,
  defaultFraction?: number,
  defaultBase = 10_000,
  own: RotaryDefaults = {},
): RotaryPositions {
  const parameters = own.parameters === undefined ? config.optionalObject('rope_parameters') : own.parameters;
  const size = rotatedSize(config, parameters, headSize, defaultFraction);
  const base = config.positive('rope_theta', defaultBase);
  const scaling = [parameters, config.optionalObject('rope_scaling')]
    .map((object) => (object === null ? undefined : readScaling(object, config, size, own)))
    .find((found) => found !== undefined);
  return {
    kind: 'rotary',
    base: parameters?.positive('rope_theta', base) ?? base,
    ...(size === headSize ? {} : { size }),
    ...(scaling === undefined ? {} : { scaling }),
  };
}

function rotatedSize(
  config: ConfigReader,
  parameters: ConfigReader | null,
  headSize: number,
  defaultFraction: number | undefined,
): number {
  const key = 'partial_rotary_factor';
  if (defaultFraction === undefined) {
    for (const object of [config, parameters]) object?.unsupported(key, 'partly rotated heads are not supported', [1]);
  }
  const own = defaultFraction === undefined ? 1 : config.positive(key, defaultFraction);
  return evenSize(config, headSize, defaultFraction === undefined ? own : (parameters?.positive(key, own) ?? own));
}

/** The whole part of a fraction of a head's size. Throws InputError where that is odd or larger than the head. */
export function evenSize(config: ConfigReader, headSize: number, fraction: number): number {
  const size = Math.floor(headSize * fraction);
  if (size % 2 === 0 && size >= 2 && size <= headSize) return size;
  const key = config.nameOf('partial_rotary_factor');
  const what =
    fraction === 1
      ? `the heads' size is ${size}`
      : `${key} is ${fraction}: ${size} of ${headSize} coordinates of a head are rotated`;
  throw config.wrong(`${what}, but rotary positions need an even ${fraction === 1 ? 'one' : 'number of them'}`);
}

/** The windows of layers of which some see only the latest keys; nothing where none does. */
export function windowsOf(
  numLayers: number,
  window: number | null,
  isWindowed: (layer: number) => boolean = () => true,
): { readonly windows?: readonly (number | null)[] } {
  const windows = Array.from({ length: numLayers }, (_, layer) => (isWindowed(layer) ? window : null));
  return windows.every((entry) => entry === null) ? {} : { windows };
}

/**
 * Which layers see a window: as `layer_types` lists, which transformers 4.53 and newer write, else as the family says.
 *
 * Throws RefusalError for layers of another type, InputError for a list of another length.
 */
export function readWindowedLayers(
  config: ConfigReader,
  numLayers: number,
  fallback: (layer: number) => boolean,
): (layer: number) => boolean {
  const types = config.optionalNames('layer_types');
  if (types === null) return fallback;
  if (types.length !== numLayers) {
    throw config.wrong(`layer_types has ${types.length} entries, expected one for each of ${numLayers} layers`);
  }
  const windowed = types.map((type) => config.known('layer_types', type, windowedTypes));
  return (layer) => windowed[layer] === true;
}

const windowedTypes = { full_attention: false, sliding_attention: true };

/** Whether a config's rotated coordinates, under a key of their own, are an even number within a head; returns it. */
export function readRotatedCount(config: ConfigReader, key: string, fallback: number, headSize: number): number {
  const size = config.count(key, fallback);
  if (size % 2 === 0 && size <= headSize) return size;
  throw config.wrong(`${key} is ${size}, expected an even number up to the heads' size (${headSize})`);
}

/** The slopes of ALiBi for a number of heads: 2^(−8i/n) for a power of two n, else with every second one of 2n. [ALiBi §3] */
export function alibiSlopes(numHeads: number): readonly number[] {
  const power = 2 ** Math.floor(Math.log2(numHeads));
  return Array.from({ length: numHeads }, (_, i) =>
    i < power ? 2 ** ((-8 * (i + 1)) / power) : 2 ** ((-4 * (2 * (i - power) + 1)) / power),
  );
}
