import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CheckpointTensor, openTensorData } from '../../../checkpoint/index.ts';
import { InputError } from '../../../core/errors.ts';
import { explainFileError } from '../../../core/fileErrors.ts';
import { decodeModel, type OnnxModel } from '../../../graph/index.ts';
import { type DecoderSpec, decoderSpecSchema } from '../../../models/index.ts';
import { storedParameters } from '../../rules/apply.ts';
import type { WrittenDecoder } from '../format.ts';
import { exportStorage, modelPath, specKey } from './layout.ts';

/** Opens an exported folder: what decoder it is, by the model's metadata, and the weights that the model's file names. */
export async function openExport(folder: string): Promise<WrittenDecoder> {
  const path = join(folder, modelPath);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  const model = decodeModel(bytes, path);
  const spec = specOf(model, path);
  const reader = await openTensorData(tensorsOf(model, bytes, path), path);
  return { spec, parameters: storedParameters(reader, exportStorage(spec)), close: () => reader.close() };
}

function specOf({ metadata }: OnnxModel, path: string): DecoderSpec {
  const text = metadata?.[specKey];
  if (text === undefined) throw new InputError(`${path}: has no metadata ${specKey}; it is not from normlab`);
  const { data, error } = decoderSpecSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  const [issue] = error.issues;
  throw new InputError(`${path}: ${specKey}.${issue?.path.join('.')}: ${issue?.message}`);
}

/** Every initializer: those inside of the model's file are places in it too. */
function tensorsOf({ graph }: OnnxModel, bytes: Uint8Array, path: string): ReadonlyMap<string, CheckpointTensor> {
  return new Map(
    graph.initializers.map((initializer) => {
      const { name, dtype, shape } = initializer;
      const place =
        'data' in initializer
          ? {
              file: path,
              byteOffset: initializer.data.byteOffset - bytes.byteOffset,
              byteLength: initializer.data.byteLength,
            }
          : {
              file: join(dirname(path), initializer.external.location),
              byteOffset: initializer.external.offset,
              byteLength: initializer.external.length,
            };
      return [name, { name, dtype, shape, ...place }];
    }),
  );
}
