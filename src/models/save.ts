import { join } from 'node:path';
import { encode, type TensorEntry, writeSafetensors } from '../checkpoint/index.ts';
import type { FloatDType } from '../core/dtype.ts';
import { InputError } from '../core/errors.ts';
import { writeJsonAtomically } from '../core/files.ts';
import { makeFolder } from '../core/makeFolder.ts';
import { formatShape, type StaticShape, sameShape } from '../core/shape.ts';
import { listed } from './check.ts';
import { formatVersion } from './families/normlab.ts';
import { decoderParameters } from './layout.ts';
import { decoderSpecSchema } from './schema.ts';
import type { DecoderSpec } from './spec.ts';

/** A tensor to be stored: its values, or its bytes (little-endian, row by row) at once or piece by piece. */
export interface StoredTensor {
  readonly dtype: FloatDType;
  readonly shape: StaticShape;
  readonly data: Float64Array | Float32Array | TensorEntry['data'];
}

/**
 * Writes a decoder in normlab's own format: `config.json` and `model.safetensors`, tensors by canonical name.
 *
 * The folder is created where it is missing, and is whole only at the end: build it inside of `createFolderAtomically`.
 * `extraConfig` adds keys to `config.json`. Throws InputError for a spec that contradicts itself and for tensors that
 * don't fit it.
 */
export async function saveNormlabModel(
  folder: string,
  spec: DecoderSpec,
  tensors: ReadonlyMap<string, StoredTensor>,
  extraConfig: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const config = normlabConfig(spec, extraConfig);
  const declared = decoderParameters(spec);
  const surplus = [...tensors.keys()].filter((name) => !declared.some((parameter) => parameter.name === name));
  if (surplus.length > 0) throw new InputError(`${folder}: the decoder has no parameters ${listed(surplus)}`);
  const entries = declared.map(({ name, shape }): TensorEntry => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new InputError(`${folder}: no tensor is given for ${name}`);
    if (!sameShape(tensor.shape, shape)) {
      throw new InputError(`${folder}: ${name} has shape ${formatShape(tensor.shape)}, expected ${formatShape(shape)}`);
    }
    const { dtype, data } = tensor;
    const isValues = data instanceof Float64Array || data instanceof Float32Array;
    return { name, dtype, shape, data: isValues ? encode(data, dtype) : data };
  });
  await makeFolder(folder);
  await writeSafetensors(join(folder, 'model.safetensors'), entries, { metadata: { format: 'pt' } });
  await writeJsonAtomically(join(folder, 'config.json'), config);
}

/** The contents of `config.json` for a decoder in normlab's own format. Throws InputError for a contradictory spec. */
export function normlabConfig(
  spec: DecoderSpec,
  extraConfig: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  const own = { model_type: 'normlab', format_version: formatVersion, spec };
  const taken = Object.keys(own).find((key) => Object.hasOwn(extraConfig, key));
  if (taken !== undefined) throw new InputError(`config.json: ${taken} is a key of the format, choose another name`);
  const { error } = decoderSpecSchema.safeParse(spec);
  const [issue] = error?.issues ?? [];
  if (issue !== undefined) throw new InputError(`config.json: spec.${issue.path.join('.')}: ${issue.message}`);
  return { ...own, ...extraConfig };
}
