import { createFolderAtomically } from '../core/files.ts';
import { type DecoderSpec, saveNormlabModel } from '../models/index.ts';
import { type Chunk, unpackData } from './packing.ts';

/** Writes a trained model as a folder of the normlab format, which `verify` and `convert` read. */
export async function exportModel(
  folder: string,
  spec: DecoderSpec,
  chunks: readonly Chunk[],
  parameters: readonly Float32Array[],
): Promise<void> {
  const tensors = chunks.flatMap((chunk, i) => {
    const data = unpackData(chunk, parameters[i] ?? new Float32Array());
    return chunk.members.map(({ name, shape }) => {
      return [name, { dtype: 'float32' as const, shape, data: data.get(name) ?? new Float32Array() }] as const;
    });
  });
  await createFolderAtomically(folder, { force: true }, (temporary) =>
    saveNormlabModel(temporary, spec, new Map(tensors)),
  );
}
