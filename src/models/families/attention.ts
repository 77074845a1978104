import type { ConfigReader } from './config.ts';

/** The hidden size divided by the number of heads, under their keys. Throws InputError where that has a remainder. */
export function dividedHeadSize(config: ConfigReader, hiddenKey: string, headsKey: string): number {
  const hiddenSize = config.count(hiddenKey);
  const numHeads = config.count(headsKey);
  if (hiddenSize % numHeads === 0) return hiddenSize / numHeads;
  throw config.wrong(`${hiddenKey} is ${hiddenSize}, expected a multiple of ${headsKey} (${numHeads})`);
}

/** The number of key and value heads, by default that of heads. Throws InputError unless it divides that. */
export function readKeyValueHeads(config: ConfigReader): number {
  const numHeads = config.count('num_attention_heads');
  const count = config.optionalCount('num_key_value_heads') ?? numHeads;
  if (numHeads % count === 0) return count;
  throw config.wrong(`num_key_value_heads is ${count}, expected a divisor of num_attention_heads (${numHeads})`);
}

/**
 * The base of rotary positions: `rope_theta`, which transformers 5 writes into `rope_parameters`.
 *
 * Throws RefusalError where the config asks for scaled or partial rotations, InputError for heads of an odd size.
 */
export function readRotaryBase(config: ConfigReader, headSize: number): number {
  if (headSize % 2 !== 0) throw config.wrong(`the heads' size is ${headSize}, but rotary positions need an even one`);
  config.unsupported('partial_rotary_factor', 'partly rotated heads are not supported', [1]);
  const scaling = config.optionalObject('rope_scaling');
  const parameters = config.optionalObject('rope_parameters');
  for (const object of [scaling, parameters]) {
    object?.unsupported('rope_type', 'scaled rotary positions are not supported', ['default']);
    object?.unsupported('type', 'scaled rotary positions are not supported', ['default']);
    object?.unsupported('factor', 'scaled rotary positions are not supported', [1]);
    object?.unsupported('partial_rotary_factor', 'partly rotated heads are not supported', [1]);
  }
  const base = config.positive('rope_theta', 10_000);
  return parameters?.positive('rope_theta', base) ?? base;
}
