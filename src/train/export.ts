import { type DecoderSpec, saveNormlabModel } from '../models/index.ts';
import { type Chunk, unpackData } from './packing.ts';

/** Writes a trained model as a folder of the normlab format, which `verify` and `convert` read. */
export async function exportModel(folder: string, spec: DecoderSpec, chunks: readonly Chunk[], parameters: readonly Float32Array[]): Promise<void> {
  const data = new Map(chunks.flatMap((chunk, i) => [...unpackData(chunk, parameters[i] ?? new Float32Array())]));
  const tensors = chunks.flatMap(({ members }) =>
    members.map(({ name, shape }) => {
      const values = data.get(name) ?? new Float32Array();
      return {
        name,
        dtype: 'float32' as const,
        shape,
        data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      };
    }),
  );
  await saveNormlabModel(folder, spec, tensors);
}
