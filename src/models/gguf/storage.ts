import { decoderParameters, type ParameterDeclaration } from '../layout.ts';
import type { DecoderSpec } from '../spec.ts';
import type { RowsOfTensor, Storage, StoredAs } from '../weights.ts';
import type { GgufArchitecture } from './architecture.ts';

/** Where a GGUF file holds each parameter of a decoder that fits an architecture; nothing lies transposed there. */
export function ggufStorage(architecture: GgufArchitecture, spec: DecoderSpec): Storage {
  const names = spec.parallel === 'two_norms' ? (architecture.twoNormNames ?? architecture.names) : architecture.names;
  return new Map(
    decoderParameters(spec).map((parameter): [string, StoredAs] => {
      const place = placeOf(parameter, architecture, spec);
      const own = names[place.part];
      if (own === undefined) throw new Error(`models/gguf: ${architecture.id} has no name for ${parameter.name}`);
      const tensor = `${place.block}${own}.${parameter.name.endsWith('.bias') ? 'bias' : 'weight'}`;
      return [parameter.name, { tensor, transposed: false, within: place.within }];
    }),
  );
}

interface Place {
  /** `blk.3.` for what lies in a block. */
  readonly block: string;
  /** The part's name there, its number as `#`. */
  readonly part: string;
  readonly within?: RowsOfTensor | undefined;
}

function placeOf(
  { name, shape, part }: ParameterDeclaration,
  { fusedQkv }: GgufArchitecture,
  spec: DecoderSpec,
): Place {
  const [, layer, inner = ''] = /^(?:blocks\.(\d+)\.)?(.+)$/.exec(part.name) ?? [];
  const block = layer === undefined ? '' : `blk.${layer}.`;
  const [, before = '', kind, number, after = ''] = /^(.+\.)(experts|heads)\.(\d+)(.*)$/.exec(inner) ?? [];
  if (kind !== undefined) return { block, part: `${before}${kind}.#${after}`, within: stacked(Number(number)) };
  const among = ['attention.query', 'attention.key', 'attention.value'].indexOf(inner);
  return fusedQkv === 'always' && among >= 0
    ? { block, part: 'attention.qkv', within: amongThree(among) }
    : { block, part: inner };

  /** Experts lie above each other along an axis of their own, heads' norms as the rows of a matrix. */
  function stacked(index: number): RowsOfTensor {
    const { numHeads, numKeyValueHeads } = spec.attention;
    const heads = name.includes('.query_norm.') ? numHeads : numKeyValueHeads;
    const count = kind === 'experts' ? (spec.mlp.experts?.count ?? 0) : heads;
    const rows = shape.length === 1 ? 1 : (shape[0] ?? 1);
    return { shape: [count, ...shape], row: index * rows, rows };
  }

  function amongThree(index: number): RowsOfTensor {
    const { numHeads, numKeyValueHeads, headSize } = spec.attention;
    const sizes = [numHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * headSize);
    const row = sizes.slice(0, index).reduce((sum, size) => sum + size, 0);
    const all = sizes.reduce((sum, size) => sum + size, 0);
    return { shape: [all, ...shape.slice(1)], row, rows: sizes[index] ?? 0 };
  }
}
