import type { DecoderSpec } from '../spec.ts';
import type { Storage } from '../weights.ts';

/** The sizes on which the shapes of tensors depend. */
export type SizeName = 'vocabulary' | 'positions' | 'hidden' | 'inner' | 'heads' | 'keyValueHeads' | 'headSize';

/** A model family: how a `config.json` describes a decoder, and how its checkpoints name and lay out the parameters. */
export interface Family {
  readonly id: string;
  /** The values of `model_type` that it reads. */
  readonly modelTypes: readonly string[];
  /**
   * The decoder that a parsed `config.json` describes. `where` begins the messages, default `config.json`.
   *
   * Throws an `InputError` that names a key that is missing or contradicts another, and a `RefusalError` that names a
   * key that asks for something normlab does not support.
   */
  readonly parse: (config: Readonly<Record<string, unknown>>, where?: string) => DecoderSpec;
  /** Where each canonical parameter of a decoder is stored. */
  readonly storage: (spec: DecoderSpec) => Storage;
  /** What the names of the base model's tensors begin with; checkpoints of the base model alone leave it out. */
  readonly namePrefix: string;
  /** Whether a tensor, named without the prefix, is a constant that some checkpoints hold and nobody needs. */
  readonly isBuffer: (name: string) => boolean;
  /** Whether the reference code's last hidden state is the stream before the final norm. Absent: it is after it. */
  readonly hiddenStatesEndBeforeFinalNorm?: true;
  /** Which keys of `config.json` say how large something is, for messages. */
  readonly sizeKeys: Readonly<Partial<Record<SizeName, string>>>;
}
