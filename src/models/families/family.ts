import type { Storage } from '../build.ts';
import type { DecoderSpec } from '../spec.ts';

/** A model family: how a `config.json` describes a decoder, and how its checkpoints name and lay out the parameters. */
export interface Family {
  readonly id: string;
  /** The values of `model_type` that it reads. */
  readonly modelTypes: readonly string[];
  /**
   * The decoder that a parsed `config.json` describes.
   *
   * Throws an `InputError` that names a key that is missing or contradicts another, and a `RefusalError` that names a
   * key that asks for something normlab does not support.
   */
  readonly parse: (config: Readonly<Record<string, unknown>>) => DecoderSpec;
  /** Where each canonical parameter of a decoder is stored. */
  readonly storage: (spec: DecoderSpec) => Storage;
}
