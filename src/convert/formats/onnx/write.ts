import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TensorEntry, writeTensorData } from '../../../checkpoint/index.ts';
import { writeFileAtomically } from '../../../core/files.ts';
import { emitOnnx, encodeModel, type OnnxInitializer, type OnnxModel } from '../../../graph/index.ts';
import { buildExport, type DecoderSpec } from '../../../models/index.ts';
import type { OutputTensor } from '../../write/layout.ts';
import { streamTensors, type WeightSource, type WriteOptions } from '../../write/weights.ts';
import { dataAlignment, exportStorage, isModelFile, modelPath, specKey } from './layout.ts';

export interface ExportedDecoder {
  readonly spec: DecoderSpec;
  readonly positionIds: boolean;
  readonly context: number;
  readonly opset: number;
}

/** Computes the tensors and writes them beside the model or into it, and the model last. Throws as `streamTensors` does. */
export async function writeExport(
  folder: string,
  decoder: ExportedDecoder,
  { tensors, source }: { readonly tensors: readonly OutputTensor[]; readonly source: WeightSource },
  options: WriteOptions,
): Promise<void> {
  const path = join(folder, modelPath);
  await mkdir(dirname(path));
  const initializers = new Map<string, OnnxInitializer>();
  await streamTensors(tensors, source, options, async (files) => {
    for (const [file, entries] of files) {
      const written = isModelFile(file) ? collect(entries) : writeBeside(join(dirname(path), file), file, entries);
      for (const initializer of await written) initializers.set(initializer.name, initializer);
    }
  });
  await writeFileAtomically(path, encodeModel(exportModel(decoder, initializers)));
}

async function collect(entries: readonly TensorEntry[]): Promise<readonly OnnxInitializer[]> {
  const collected: OnnxInitializer[] = [];
  for (const { name, dtype, shape, data } of entries) {
    const chunks = data instanceof Uint8Array ? [data] : [];
    if (typeof data === 'function') for await (const chunk of data()) chunks.push(chunk);
    collected.push({ name, dtype, shape, data: Buffer.concat(chunks) });
  }
  return collected;
}

async function writeBeside(
  path: string,
  location: string,
  entries: readonly TensorEntry[],
): Promise<readonly OnnxInitializer[]> {
  const places = await writeTensorData(path, entries, dataAlignment);
  return entries.map(({ name, dtype, shape }) => {
    const place = places.get(name);
    if (place === undefined) throw new Error(`convert: ${name} was not written`);
    return { name, dtype, shape, external: { location, ...place } };
  });
}

/** The model: floats are float32, and what is stored otherwise is cast. Its metadata say what decoder it is. */
export function exportModel(
  { spec, positionIds, context, opset }: ExportedDecoder,
  initializers: ReadonlyMap<string, OnnxInitializer>,
): OnnxModel {
  const graph = buildExport(spec, { storage: exportStorage(spec), positionIds, context });
  const model = emitOnnx(graph.outputs, { initializers, opset, standardNorms: opset >= 23 });
  const order = graph.inputs.map(({ origin }) => (origin.kind === 'input' ? origin.name : ''));
  const inputs = [...model.graph.inputs].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
  return { ...model, graph: { ...model.graph, inputs }, metadata: { [specKey]: JSON.stringify(spec) } };
}
