import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import { readJson } from '../core/files.ts';
import { quote } from '../core/quote.ts';
import {
  lookUp,
  openSafetensors,
  type SafetensorsFile,
  type TensorInfo,
  type TensorReader,
} from './safetensors/index.ts';
import { indexFileName, readShardIndex, singleFileName } from './shards.ts';

/** A tensor of a checkpoint: `byteOffset` counts from the start of `file`. */
export interface CheckpointTensor extends TensorInfo {
  /** The path of the safetensors file that holds it. */
  readonly file: string;
}

/** A Hugging Face folder: `config.json` and the weights in one safetensors file or in shards. */
export interface Checkpoint extends TensorReader<CheckpointTensor> {
  readonly folder: string;
  /** `config.json` as parsed, unchecked. */
  readonly config: unknown;
  /** The paths of the safetensors files. */
  readonly files: readonly string[];
}

/**
 * Opens a Hugging Face folder: reads `config.json` and the headers of the weights' files, no tensors. Close it after use.
 *
 * Throws InputError, one line, for a folder without weights that normlab reads, for a missing or malformed file, and
 * where the shards don't hold what their index says.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  const names = await listFolder(folder);
  checkHasWeights(folder, names);
  const config = await readJson(join(folder, 'config.json'));
  const index = names.includes(singleFileName) ? undefined : await readShardIndex(folder);
  const paths = (index?.shards ?? [singleFileName]).map((name) => join(folder, name));
  const opened: SafetensorsFile[] = [];
  const close = async () => {
    await Promise.all(opened.map((file) => file.close()));
  };
  try {
    for (const path of paths) opened.push(await openSafetensors(path));
    const { tensors, fileOf } = mergeTensors(opened, folder);
    for (const [name, shard] of index?.shardOf ?? []) checkPlace(name, tensors.get(name), folder, shard);
    return {
      folder,
      config,
      files: paths,
      tensors,
      read: async (name, bytes, into) => lookUp(fileOf, name, folder).read(name, bytes, into),
      readFloat64: async (name, rows) => lookUp(fileOf, name, folder).readFloat64(name, rows),
      readFloat32: async (name, rows) => lookUp(fileOf, name, folder).readFloat32(name, rows),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const isFile = await stat(folder).then(
      (status) => !status.isDirectory(),
      () => false,
    );
    const expected = `a local folder with config.json and ${singleFileName}`;
    if (isFile) throw new InputError(`${folder}: is a file, expected ${expected}`);
    const explained = explainFileError(error, folder);
    if (!(explained instanceof InputError)) throw explained;
    throw new InputError(`${explained.message}; expected ${expected}`);
  }
}

const toSafetensors =
  "import glob, torch, safetensors.torch as s; w = {}; [w.update(torch.load(f, map_location='cpu', weights_only=True)) " +
  "for f in sorted(glob.glob('pytorch_model*.bin'))]; s.save_file({k: v.clone().contiguous() for k, v in w.items()}, " +
  `'${singleFileName}', metadata={'format': 'pt'})`;

function checkHasWeights(folder: string, names: readonly string[]): void {
  if (names.includes(singleFileName) || names.includes(indexFileName)) return;
  if (names.some((name) => /^pytorch_model.*\.bin$/.test(name))) {
    throw new InputError(
      `${folder}: holds its weights as pytorch_model*.bin, normlab reads safetensors; convert them in that folder: python -c "${toSafetensors}"`,
    );
  }
  if (names.includes('onnx')) throw exportError(folder);
  if (names.some((name) => name.endsWith('.gguf'))) throw ggufError(folder);
  const hint = names.includes('snapshots') ? '; this is a hub cache: choose one of the folders in snapshots/' : '';
  throw new InputError(`${folder}: has neither ${singleFileName} nor ${indexFileName}${hint}`);
}

/** What is wrong with a folder that holds a model for llama.cpp, whose config is in its file. */
export function ggufError(folder: string): InputError {
  return new InputError(
    `${folder}: holds its weights as GGUF, normlab reads safetensors; use the folder that the file was made from`,
  );
}

/** What is wrong with a folder that holds a graph instead of weights. */
export function exportError(folder: string): InputError {
  return new InputError(
    `${folder}: has a folder onnx and no ${singleFileName}: a graph that ONNX Runtime runs; expected the model that it was made from`,
  );
}

function mergeTensors(files: readonly SafetensorsFile[], folder: string) {
  const tensors = new Map<string, CheckpointTensor>();
  const fileOf = new Map<string, SafetensorsFile>();
  for (const file of files) {
    for (const [name, info] of file.tensors) {
      const other = tensors.get(name);
      if (other)
        throw new InputError(`${folder}: tensor ${quote(name)} is in two shards, ${other.file} and ${file.path}`);
      tensors.set(name, { ...info, file: file.path });
      fileOf.set(name, file);
    }
  }
  return { tensors, fileOf };
}

function checkPlace(name: string, tensor: CheckpointTensor | undefined, folder: string, shard: string): void {
  if (tensor?.file === join(folder, shard)) return;
  const found = tensor ? `it is in ${tensor.file}` : 'no shard has it';
  throw new InputError(`${folder}: ${indexFileName} says that tensor ${quote(name)} is in ${shard}, but ${found}`);
}
