/** Text from a model: decoding with a key-value cache. */
export * from './decoder.ts';
