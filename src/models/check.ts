import type { TensorInfo } from '../checkpoint/index.ts';
import { isFloat } from '../core/dtype.ts';
import { InputError } from '../core/errors.ts';
import { quote } from '../core/quote.ts';
import { formatShape, type StaticShape, sameShape } from '../core/shape.ts';
import { didYouMean } from '../core/suggest.ts';
import type { Family, SizeName } from './families/family.ts';
import { decoderParameters, type Part } from './layout.ts';
import type { DecoderSpec } from './spec.ts';
import { type Storage, storedShape } from './weights.ts';

/** A tensor that a decoder needs, as a checkpoint stores it. */
export interface NeededTensor {
  readonly name: string;
  readonly shape: StaticShape;
  /** The part whose parameter it is. */
  readonly part: Part;
}

/** The tensors that a decoder needs, each once, in the order in which data flow through them. */
export function neededTensors(spec: DecoderSpec, storage: Storage): readonly NeededTensor[] {
  const needed = new Map<string, NeededTensor>();
  for (const { name, shape, part } of decoderParameters(spec)) {
    const place = storage.get(name);
    if (place === undefined) throw new Error(`models: the family ${spec.family} does not say where ${name} is stored`);
    if (needed.has(place.tensor)) continue;
    needed.set(place.tensor, { name: place.tensor, shape: storedShape(place, shape), part });
  }
  return [...needed.values()];
}

/**
 * Checks that a checkpoint holds what a decoder needs and nothing that would be left out.
 *
 * `mayHold` says of a tensor that isn't needed whether it may be there. Throws InputError, one line that begins with
 * `where`, for tensors that are missing, surplus, of another shape or not of a floating-point dtype.
 */
export function checkTensors(
  needed: readonly NeededTensor[],
  tensors: ReadonlyMap<string, TensorInfo>,
  options: { readonly where: string; readonly family: Family; readonly mayHold: (name: string) => boolean },
): void {
  const { where, family, mayHold } = options;
  const names = needed.map(({ name }) => name);
  const known = new Set(names);
  const missing = names.filter((name) => !tensors.has(name));
  const surplus = [...tensors.keys()].filter((name) => !known.has(name) && !mayHold(name));
  if (missing.length > 0) {
    const instead = surplus.length > 0 ? `; it holds ${listed(surplus)} instead` : '';
    throw new InputError(
      `${where}: missing ${listed(missing)} of the ${names.length} tensors of a ${family.id} model${instead}`,
    );
  }
  if (surplus[0] !== undefined) {
    const hint = didYouMean(surplus[0], names);
    throw new InputError(`${where}: holds ${listed(surplus)}, which config.json gives no place${hint}`);
  }
  for (const { name, shape, part } of needed) {
    const info = tensors.get(name);
    if (info === undefined) continue;
    if (!sameShape(info.shape, shape)) {
      throw new InputError(
        `${where}: ${name} has shape ${formatShape(info.shape)}, expected ${formatShape(shape)} (${sizeKeysOf(part, family)} in config.json)`,
      );
    }
    if (!isFloat(info.dtype)) {
      throw new InputError(
        `${where}: ${name} is stored as ${info.dtype}, expected float64, float32, float16 or bfloat16`,
      );
    }
  }
}

/** The first few names of a list, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => (/^[\w.]{1,120}$/.test(name) ? name : quote(name)));
  return names.length > 3 ? `${shown.join(', ')} and ${names.length - 3} more` : shown.join(', ');
}

/** The keys of `config.json` that say how large a part is. */
function sizeKeysOf(part: Part, family: Family): string {
  return sizesOf(part)
    .flatMap((size) => family.sizeKeys[size] ?? [])
    .join(', ');
}

function sizesOf(part: Part): readonly SizeName[] {
  if (part.type === 'embedding') return [part.name === 'embedding.token' ? 'vocabulary' : 'positions', 'hidden'];
  if (part.type === 'norm') return part.on === 'stream' || part.on === 'branch' ? ['hidden'] : ['heads', 'headSize'];
  if (part.layer === null) return ['vocabulary', 'hidden'];
  if (part.name.includes('.mlp.')) return ['inner', 'hidden'];
  return ['hidden', 'heads', 'keyValueHeads', 'headSize'];
}
