import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { byteSizes } from '../../../core/dtype.ts';
import { InputError } from '../../../core/errors.ts';
import { explainFileError } from '../../../core/fileErrors.ts';
import { sizeOfFile } from '../../../core/files.ts';
import { sizeOf } from '../../../core/shape.ts';
import {
  decodeModel,
  type ExternalData,
  externalData,
  maxModelBytes,
  type OnnxModel,
  type OnnxTensor,
} from '../../../graph/index.ts';

/** One of the two models that are compared. */
export interface OnnxSide {
  /** Names the model in messages. */
  readonly path: string;
  /** The file itself, without what lies in other files. */
  readonly bytes: Uint8Array;
  /** What `bytes` hold. */
  readonly model: OnnxModel;
  /** The folder that an engine is given for what lies in other files. */
  readonly folder: string;
  readonly external: Pick<ExternalData, 'read'>;
}

/** An ONNX model as it is on the disk. */
export type OnnxSource = OnnxSide & { readonly external: ExternalData };

/**
 * Opens a model; what lies in other files is read when it is needed.
 *
 * Throws InputError, one line, for what is none, or whose data are missing, too short or out of its folder.
 */
export async function openOnnx(path: string): Promise<OnnxSource> {
  const size = await sizeOfFile(path);
  if (size > maxModelBytes) {
    throw new InputError(`${path}: has ${size} bytes, an ONNX file holds 2 GiB. Is it something else?`);
  }
  const bytes = await readFile(path).catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  const model = decodeModel(bytes, path);
  return { path, bytes, model, folder: dirname(path), external: await externalData(path, model.graph.initializers) };
}

/**
 * A side whose constants are initializers: exporters that fold nothing write weights as nodes. Its `bytes` are what they were,
 * since they compute the same.
 */
export function hoisted(side: OnnxSide): OnnxSide {
  const { graph } = side.model;
  const constants: OnnxTensor[] = [];
  const nodes = graph.nodes.filter(({ opType, domain = '', attributes, outputs: [name] }) => {
    const tensor = opType === 'Constant' && domain === '' ? attributes?.value : undefined;
    if (tensor?.kind !== 'tensor' || name === undefined) return true;
    constants.push({ ...tensor.value, name });
    return false;
  });
  return {
    ...side,
    model: { ...side.model, graph: { ...graph, nodes, initializers: [...graph.initializers, ...constants] } },
  };
}

/** The bytes of external initializers by name, read into memory. */
export async function readExternal({ model, external }: OnnxSide): Promise<ReadonlyMap<string, Uint8Array>> {
  const read = new Map<string, Uint8Array>();
  for (const tensor of model.graph.initializers) {
    if (!('external' in tensor)) continue;
    const bytes = new Uint8Array(sizeOf(tensor.shape) * byteSizes[tensor.dtype]);
    let offset = 0;
    for await (const block of external.read(tensor)) {
      bytes.set(block, offset);
      offset += block.length;
    }
    read.set(tensor.name, bytes);
  }
  return read;
}
