import { decoderParameters, type Part } from '../layout.ts';
import type { DecoderSpec } from '../spec.ts';
import type { Storage, StoredAs } from '../weights.ts';

/** What a family calls each part; the first `#` stands for the layer's number, a second one for an expert's or a head's. */
export type PartNames = Readonly<Record<string, string>>;

/** The storage of a family that names each parameter by its part and `weight` or `bias`, as PyTorch modules do. */
export function storageOf(
  spec: DecoderSpec,
  names: PartNames,
  isTransposed: (part: Part) => boolean = () => false,
): Storage {
  return new Map(
    decoderParameters(spec).map(({ name, shape, part }): [string, StoredAs] => {
      const layer = /^blocks\.(\d+)\./.exec(part.name)?.[1] ?? '';
      const inner = /\.(?:experts|heads)\.(\d+)(?=\.|$)/.exec(part.name)?.[1] ?? '';
      const general = part.name
        .replace(`blocks.${layer}.`, 'blocks.#.')
        .replace(/(?<=\.(experts|heads)\.)\d+(?=\.|$)/, '#');
      const stored = names[general];
      if (stored === undefined) throw new Error(`models: the family ${spec.family} has no name for ${part.name}`);
      const tensor = stored.replace('#', layer).replace('#', inner) + name.slice(part.name.length);
      return [name, { tensor, transposed: shape.length === 2 && isTransposed(part) }];
    }),
  );
}
