import { basename } from 'node:path';
import type { FloatDType } from '../../core/dtype.ts';
import { isFloat } from '../../core/dtype.ts';
import type { Model, RowsOfTensor, Storage } from '../../models/index.ts';
import type { StoredDType } from '../options.ts';
import type { TensorRule } from '../rules/plan.ts';

/** A tensor of the output: what it holds, and where and as what it is stored. */
export interface OutputTensor {
  /** The name under which it is stored. */
  readonly name: string;
  readonly rule: TensorRule;
  /** Whether it is stored as the transpose of its canonical shape. */
  readonly transposed: boolean;
  /** Where it is a part of the tensor of that name, its rows there. */
  readonly within: RowsOfTensor | undefined;
  readonly dtype: FloatDType;
  /** The name of the file that holds it. */
  readonly file: string;
}

export interface LayoutOptions {
  readonly rules: readonly TensorRule[];
  /** Where the output stores each parameter. */
  readonly storage: Storage;
  readonly dtype: StoredDType;
  /** Where the source, its head separate, stores each parameter. */
  readonly sourceStorage: Storage;
}

/**
 * Where each tensor of the output goes: into the file, and with the dtype, of the source's tensor that it is made of.
 *
 * What has none there (a new bias, a weight of ones) joins the nearest parameter before it. Within a file the order is the
 * source's.
 */
export function outputLayout(model: Model, options: LayoutOptions): readonly OutputTensor[] {
  const { rules, storage, dtype, sourceStorage } = options;
  const order = new Map([...model.checkpoint.tensors.keys()].map((name, i) => [name, i]));
  let place = { ...placeOf(model, sourceStorage, 'embedding.token.weight'), order: -1 };
  const tensors = rules.map((rule) => {
    const home = storage.get(rule.name);
    if (home === undefined) throw new Error(`convert: the format has no place for ${rule.name}`);
    const source = sourceStorage.get(rule.name)?.tensor;
    if (source !== undefined) {
      place = { ...placeOf(model, sourceStorage, rule.name), order: order.get(source) ?? -1 };
    }
    const target = dtype === 'source' ? place.dtype : dtype;
    const { tensor: stored, transposed, within } = home;
    const tensor = { name: stored, rule, transposed, within, dtype: target, file: place.file };
    return { tensor, order: place.order };
  });
  return tensors.sort((a, b) => a.order - b.order).map(({ tensor }) => tensor);
}

/** The source's storage when its head has a name of its own: that of the token embedding where they are tied. */
export function untiedStorage({ spec, storage }: Model): Storage {
  const embedding = storage.get('embedding.token.weight');
  return spec.tiedHead && embedding !== undefined ? new Map([...storage, ['head.weight', embedding]]) : storage;
}

/** The element type in which a parameter of the source is stored. */
export function storedDType(model: Model, storage: Storage, parameter: string): FloatDType {
  return placeOf(model, storage, parameter).dtype;
}

function placeOf({ checkpoint }: Model, storage: Storage, parameter: string) {
  const info = checkpoint.tensors.get(storage.get(parameter)?.tensor ?? '');
  if (info === undefined || !isFloat(info.dtype)) throw new Error(`convert: the source has no parameter ${parameter}`);
  return { dtype: info.dtype, file: basename(info.file) };
}
