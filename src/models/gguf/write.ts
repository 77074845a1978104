import {
  defaultBlockBytes,
  encode,
  type GgufMetadata,
  rowBlocks,
  type TensorEntry,
  writeGguf,
} from '../../checkpoint/index.ts';
import { decoderParameters } from '../layout.ts';
import type { Model } from '../load.ts';
import { type GgufArchitecture, ggufArchitecture } from './architecture.ts';

/** llama.cpp's code of a token that is text. */
const normalToken = 1;

/**
 * Writes a model as a GGUF file in float32, which llama.cpp runs: Llama's architecture or GPT-2's.
 *
 * The file holds no vocabulary of use: it takes and gives ids. Throws RefusalError for a decoder that llama.cpp would compute
 * otherwise, and says which part of it; InputError where the disk is full.
 */
export async function writeGgufModel(model: Model, path: string): Promise<void> {
  const architecture = ggufArchitecture(model.spec);
  await writeGguf(
    path,
    { ...architecture.metadata(model.spec), ...placeholders(model.spec.vocabularySize) },
    entriesOf(model, architecture),
  );
}

/** A token for each id, `[7]`, since llama.cpp's bindings don't load a model without any; texts mean nothing with them. */
function placeholders(count: number): GgufMetadata {
  return {
    'tokenizer.ggml.model': { type: 'string', value: 'gpt2' },
    'tokenizer.ggml.pre': { type: 'string', value: 'gpt-2' },
    'tokenizer.ggml.tokens': { type: 'strings', value: Array.from({ length: count }, (_, id) => `[${id}]`) },
    'tokenizer.ggml.token_type': { type: 'int32s', value: new Int32Array(count).fill(normalToken) },
    'tokenizer.ggml.merges': { type: 'strings', value: [] },
    'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
  };
}

function entriesOf(model: Model, architecture: GgufArchitecture): readonly TensorEntry[] {
  return decoderParameters(model.spec).map(({ name, shape }) => ({
    name: ggufName(name, architecture),
    dtype: 'float32',
    shape,
    data: () => dataOf(model, architecture, name, shape),
  }));
}

/** `blocks.3.attention.query.weight` to `blk.3.attn_q.weight`. */
function ggufName(name: string, { id, names }: GgufArchitecture): string {
  const [, layer, part = '', kind = ''] = /^(?:blocks\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? [];
  const own = names[part];
  if (own === undefined) throw new Error(`models/gguf: ${id} has no name for ${name}`);
  return `${layer === undefined ? '' : `blk.${layer}.`}${own}.${kind}`;
}

/** A parameter `[out, in]` in float32, in blocks of rows where it is stored so. */
async function* dataOf(
  { checkpoint, storage, spec }: Model,
  { id }: GgufArchitecture,
  name: string,
  shape: readonly number[],
): AsyncGenerator<Uint8Array> {
  const stored = storage.get(name);
  if (stored === undefined) throw new Error(`models/gguf: ${name} is not stored`);
  const [rows = 1, columns = 1] = shape;
  const isRotated = id === 'llama' && /\.attention\.(query|key)\.weight$/.test(name);
  if (stored.transposed) {
    yield encode(transpose(await checkpoint.readFloat32(stored.tensor), columns, rows), 'float32');
  } else if (isRotated) {
    yield encode(
      interleaveHalves(await checkpoint.readFloat32(stored.tensor), spec.attention.headSize, columns),
      'float32',
    );
  } else {
    const byteLength = 4 * shape.reduce((product, size) => product * size, 1);
    for (const block of rowBlocks({ shape, byteLength }, defaultBlockBytes / 4)) {
      yield encode(await checkpoint.readFloat32(stored.tensor, block), 'float32');
    }
  }
}

/** `[rows, columns]` to `[columns, rows]`. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const turned = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) turned[column * rows + row] = values[row * columns + column] ?? 0;
  }
  return turned;
}

/** The rows of each head so that i and i + size/2, which are rotated together, stand side by side: llama.cpp rotates neighbours. */
function interleaveHalves(values: Float32Array, headSize: number, columns: number): Float32Array {
  const moved = new Float32Array(values.length);
  const half = headSize / 2;
  for (let row = 0; row < values.length / columns; row++) {
    const within = row % headSize;
    const target = row - within + (within < half ? 2 * within : 2 * (within - half) + 1);
    moved.set(values.subarray(row * columns, (row + 1) * columns), target * columns);
  }
  return moved;
}
