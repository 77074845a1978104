import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { byteSizes } from '../../core/dtype.ts';
import { sizeOf } from '../../core/shape.ts';
import {
  type AddedInitializer,
  editModel,
  maxModelBytes,
  type OnnxExternalTensor,
  type OnnxInitializer,
  type Part,
  type TensorBytes,
} from '../../graph/index.ts';
import type { OnnxSource } from './certificate/index.ts';
import type { OnnxPlan } from './plan.ts';
import { centredBytes } from './rewrite/centre.ts';
import { asNode } from './rewrite/live.ts';
import { raisedIrVersion, raisedOpsets } from './rewrite/opset.ts';
import type { CentredTensor } from './rewrite/rewrite.ts';
import { tensorReader } from './source.ts';

/** Where tensors begin in a file of external data: pages, so that a runtime can map them. */
const alignment = 4096;

/** Everything that is written. */
export interface OnnxOutput {
  /** The model file. */
  readonly parts: readonly Part[];
  /** The file of external data beside it; undefined where the model file holds everything. */
  readonly data: { readonly path: string; readonly parts: readonly Part[] } | undefined;
  readonly bytes: number;
}

export interface OutputRequest {
  readonly out: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** What names the data file besides `out`: the same for the same contents. */
  readonly contentKey: string;
}

/** A tensor that the result holds in other words than the source does: elsewhere, or with other numbers. */
interface Stored {
  readonly name: string;
  readonly tensor: OnnxInitializer;
  readonly read: () => AsyncIterable<Uint8Array>;
  readonly isAdded: boolean;
}

/** Lays the result out. What was external in the source is external in it, and all of it where one file can't hold it. */
export function layOut(source: OnnxSource, plan: OnnxPlan, request: OutputRequest): OnnxOutput {
  const { rewriting } = plan;
  const isExternal = (tensor: OnnxInitializer) => 'external' in tensor;
  const first = layOutWith(source, plan, request, isExternal);
  const size = first.parts.reduce((sum, { length }) => sum + length, 0);
  if (size <= maxModelBytes || rewriting.centred.length === 0) return first;
  return layOutWith(source, plan, request, (tensor) => sizeOf(tensor.shape) * byteSizes[tensor.dtype] >= 1024);
}

function layOutWith(
  source: OnnxSource,
  plan: OnnxPlan,
  { out, metadata, contentKey }: OutputRequest,
  isExternal: (tensor: OnnxInitializer) => boolean,
): OnnxOutput {
  const { index, rewriting } = plan;
  const hash = createHash('sha256').update(contentKey).digest('hex').slice(0, 8);
  const dataPath = `${out}.${hash}.data`;
  const dataParts: Part[] = [];
  let dataLength = 0;
  const place = ({ tensor, read }: Stored): TensorBytes => {
    const length = sizeOf(tensor.shape) * byteSizes[tensor.dtype];
    if (!isExternal(tensor)) return { length, read };
    const padding = (alignment - (dataLength % alignment)) % alignment;
    if (padding > 0) dataParts.push(new Uint8Array(padding));
    const offset = dataLength + padding;
    dataParts.push({ length, read });
    dataLength = offset + length;
    return { external: { location: basename(dataPath), offset, length } };
  };

  const initializers = new Map<string, TensorBytes | 'removed'>();
  const added: AddedInitializer[] = [];
  for (const name of rewriting.removed) initializers.set(name, 'removed');
  const rewritten = new Set(rewriting.centred.filter(({ isCopy }) => !isCopy).map(({ name }) => name));
  for (const stored of storedTensors(source, plan)) {
    const { name, tensor, isAdded } = stored;
    if (isAdded) added.push({ name, dtype: tensor.dtype, shape: tensor.shape, bytes: place(stored) });
    else if (!rewriting.removed.has(name) && (isExternal(tensor) || rewritten.has(name))) {
      initializers.set(name, place(stored));
    }
  }
  for (const { name, dtype, shape, data } of rewriting.added) {
    added.push({
      name,
      dtype,
      shape,
      bytes: {
        length: data.length,
        read: async function* () {
          yield data;
        },
      },
    });
  }
  const values = new Set(rewriting.nodes.flatMap((node) => asNode(index, node).outputs));
  for (const { name } of [...index.graph.inputs, ...index.graph.initializers]) values.add(name);
  const parts = editModel(
    source.bytes,
    {
      graph: { nodes: rewriting.nodes, initializers, added, keepsValue: (name) => values.has(name) },
      metadata,
      ...changedOpsets(source, plan),
    },
    source.path,
  );
  const bytes = parts.reduce((sum, { length }) => sum + length, 0) + dataLength;
  return { parts, data: dataLength === 0 ? undefined : { path: dataPath, parts: dataParts }, bytes };
}

/** The model file in memory, with what was made while it was written made once. */
export async function gatherFile({ parts, bytes }: OnnxOutput): Promise<Uint8Array> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  if (length > maxModelBytes) throw new RangeError(`onnx: a model file of ${length} bytes, of ${bytes}`);
  const file = new Uint8Array(length);
  let at = 0;
  const put = (block: Uint8Array) => {
    file.set(block, at);
    at += block.length;
  };
  for (const part of parts) {
    if (part instanceof Uint8Array) put(part);
    else for await (const block of part.read()) put(block);
  }
  return file;
}

/** Every initializer that the result has from the source, with its bytes as the result has them. */
function* storedTensors({ external }: OnnxSource, { index, rewriting }: OnnxPlan): Generator<Stored> {
  const reader = tensorReader(external, index.constant);
  const inPlace = new Map<string, CentredTensor>();
  for (const tensor of rewriting.centred) if (!tensor.isCopy) inPlace.set(tensor.name, tensor);
  for (const tensor of index.graph.initializers) {
    const centred = inPlace.get(tensor.name);
    const read = centred === undefined ? () => bytesOf(tensor, external) : () => centredBytes(centred, reader);
    yield { name: tensor.name, tensor, read, isAdded: false };
  }
  for (const tensor of rewriting.centred) {
    if (tensor.isCopy) {
      yield { name: tensor.name, tensor: tensor.source, read: () => centredBytes(tensor, reader), isAdded: true };
    }
  }
}

async function* bytesOf(tensor: OnnxInitializer, external: OnnxSource['external']): AsyncGenerator<Uint8Array> {
  if ('data' in tensor) yield tensor.data;
  else yield* external.read(tensor as OnnxExternalTensor);
}

/** The operator sets that the result imports otherwise: a raised one, and that of ONNX Runtime where it has become needed. */
function changedOpsets({ model }: OnnxSource, { rewriting, opset }: OnnxPlan) {
  const raised = raisedOpsets(model.opsetImports, opset);
  const domains = new Set(model.opsetImports.map(({ domain }) => domain));
  const needs = rewriting.nodes.some((node) => 'added' in node && node.added.domain === 'com.microsoft');
  const added = needs && !domains.has('com.microsoft') ? [{ domain: 'com.microsoft', version: 1 }] : [];
  const opsets = [...raised, ...added];
  if (raised.length === 0) return { opsets };
  // Functions are of the old operator set; where some are called, it can't be raised.
  return { opsets, irVersion: Math.max(model.irVersion, raisedIrVersion), dropsFunctions: true };
}
