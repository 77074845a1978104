import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openCheckpoint, openSafetensors } from '../../src/checkpoint/index.ts';
import { openOnnx } from '../../src/convert/onnx/certificate/index.ts';
import { indexGraph } from '../../src/convert/onnx/graph.ts';
import { gatherFile, layOut } from '../../src/convert/onnx/layout.ts';
import { planOnnx } from '../../src/convert/onnx/plan.ts';
import { randomModel, streamSteps } from '../../src/convert/onnx/random.fixture.ts';
import { byteSizes, dtypes } from '../../src/core/dtype.ts';
import type { Random } from '../../src/core/random.ts';
import { sizeOf } from '../../src/core/shape.ts';
import { decodeModel, encodeModel } from '../../src/graph/index.ts';
import { inspectFolder, openGgufModel } from '../../src/models/index.ts';
import { mutateBytes, mutateMessage } from './bytes.ts';
import { mutateJson, pick } from './json.ts';

/** A reader, and inputs for it. */
export interface Target {
  readonly name: string;
  /** Of 100 inputs, how many are for it. */
  readonly share: number;
  /** An input: a function of the random numbers alone. */
  make(random: Random): Uint8Array;
  /** Reads an input. Throws what the reader throws. */
  read(input: Uint8Array): Promise<void>;
  /** Whether a refusal means that the input did not even parse: what is worth little as a test. */
  isShallow(message: string): boolean;
}

const root = join(import.meta.dirname, '../..');
const golden = join(root, 'test/fixtures/golden');
const utf8 = (text: string) => new TextEncoder().encode(text);

/** The readers, with what they need prepared in `folder`. */
export function targetsIn(folder: string): readonly Target[] {
  return [safetensors(folder), shardIndex(folder), config(folder), onnx(), onnxConversion(folder), gguf(folder)];
}

function safetensors(folder: string): Target {
  const path = join(folder, 'fuzz.safetensors');
  return {
    name: 'safetensors',
    share: 27,
    make(random) {
      const tensors = Array.from({ length: random.integer(5) + 1 }, (_, i) => {
        const dtype = pick(dtypes, random);
        const shape = Array.from({ length: random.integer(4) }, () => random.integer(4));
        return { name: `layer.${i}`, dtype, shape, bytes: sizeOf(shape) * byteSizes[dtype] };
      });
      let end = 0;
      const header: Record<string, unknown> = random.integer(2) === 0 ? { __metadata__: { format: 'pt' } } : {};
      for (const { name, dtype, shape, bytes } of tensors) {
        const code = dtype.replace('uint', 'U').replace('int', 'I').replace('bfloat', 'BF').replace('float', 'F');
        header[name] = { dtype: code.toUpperCase(), shape, data_offsets: [end, end + bytes] };
        end += bytes;
      }
      const json = utf8(random.integer(6) === 0 ? JSON.stringify(header) : mutateJson(header, random));
      const surplus = random.integer(12) === 0 ? random.integer(9) - 4 : 0;
      const file = Buffer.alloc(8 + Math.max(0, json.length + end + surplus), 1);
      file.writeBigUInt64LE(BigInt(json.length));
      file.set(json.subarray(0, file.length - 8), 8);
      return random.integer(8) === 0 ? mutateBytes(file, random) : file;
    },
    async read(input) {
      writeFileSync(path, input);
      const file = await openSafetensors(path);
      try {
        for (const [name, { byteLength, shape }] of file.tensors) {
          const [bytes, values] = [await file.read(name), await file.readFloat64(name)];
          expectEqual(bytes.length, byteLength);
          expectEqual(values.length, sizeOf(shape));
        }
      } finally {
        await file.close();
      }
    },
    isShallow: (message) =>
      /Git LFS|too few for a safetensors|claims a header|of its header of|not valid UTF-8|not valid JSON|nested too deeply|not a JSON object/.test(
        message,
      ),
  };
}

function shardIndex(folder: string): Target {
  const inside = join(folder, 'sharded', 'model');
  mkdirSync(inside, { recursive: true });
  const source = join(golden, 'llama_sharded');
  const indexName = 'model.safetensors.index.json';
  for (const name of readdirSync(source)) {
    if (name !== indexName) symlinkSync(join(source, name), join(inside, name));
  }
  // Where a name that leads out of the folder would lead to.
  for (const name of readdirSync(inside)) symlinkSync(join(source, name), join(dirname(inside), name));
  const index: unknown = JSON.parse(readFileSync(join(source, indexName), 'utf8'));
  return {
    name: 'shard index',
    share: 15,
    make(random) {
      const text = utf8(mutateJson(index, random));
      return random.integer(10) === 0 ? mutateBytes(text, random) : text;
    },
    async read(input) {
      writeFileSync(join(inside, indexName), input);
      const checkpoint = await openCheckpoint(inside);
      try {
        for (const file of checkpoint.files) expectEqual(dirname(file), inside);
        for (const { file } of checkpoint.tensors.values()) expectEqual(dirname(file), inside);
      } finally {
        await checkpoint.close();
      }
    },
    isShallow: (message) => /not valid JSON|has no weight_map/.test(message),
  };
}

/** Configs of every golden case, read beside the weights that fit them. */
function config(folder: string): Target {
  const cases = readdirSync(golden).map((name) => {
    const path = join(folder, 'configs', name);
    mkdirSync(path, { recursive: true });
    for (const file of readdirSync(join(golden, name))) {
      if (/^model.*safetensors(\.index\.json)?$/.test(file)) symlinkSync(join(golden, name, file), join(path, file));
    }
    return { path, config: JSON.parse(readFileSync(join(golden, name, 'config.json'), 'utf8')) as unknown };
  });
  return {
    name: 'config.json',
    share: 25,
    make(random) {
      const number = random.integer(cases.length);
      const text = utf8(mutateJson(cases[number]?.config, random));
      return Buffer.concat([Uint8Array.of(number), random.integer(12) === 0 ? mutateBytes(text, random) : text]);
    },
    async read(input) {
      const path = cases[input[0] ?? 0]?.path ?? folder;
      writeFileSync(join(path, 'config.json'), input.subarray(1));
      const { problem } = await inspectFolder(path);
      if (problem !== null) expectOneLine(problem);
    },
    isShallow: (message) => /not valid JSON|is not a JSON object|model_type is/.test(message),
  };
}

function onnx(): Target {
  const seed = readFileSync(join(root, 'src/graph/onnx/fixtures/everything.onnx'));
  return {
    name: 'onnx',
    share: 20,
    make: (random) => (random.integer(6) === 0 ? mutateBytes(seed, random) : mutateMessage(seed, random)),
    async read(input) {
      const { graph } = decodeModel(input, 'fuzz.onnx');
      for (const tensor of graph.initializers) {
        if ('data' in tensor) expectEqual(tensor.data.length, sizeOf(tensor.shape) * byteSizes[tensor.dtype]);
      }
    },
    isShallow: (message) => message.includes('not an ONNX model'),
  };
}

function gguf(folder: string): Target {
  const path = join(folder, 'fuzz.gguf');
  const seed = readFileSync(join(root, 'test/fixtures/gguf/dbrx.gguf'));
  const headerBytes = seed.indexOf('output_norm.weight');
  return {
    name: 'gguf',
    share: 10,
    make(random) {
      if (random.integer(6) === 0) return mutateBytes(seed, random);
      const file = Buffer.from(seed);
      for (let n = random.integer(3) + 1; n > 0; n--) {
        const value = pick(
          [0n, 1n, 2n, 3n, 9n, 255n, 2n ** 16n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n, 2n ** 64n - 1n],
          random,
        );
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(value);
        // Behind the file's counts: what they make of it is known soon.
        file.set(bytes.subarray(0, pick([1, 2, 4, 8], random)), 24 + random.integer(headerBytes + 200));
      }
      return file;
    },
    async read(input) {
      writeFileSync(path, input);
      const { reader } = await openGgufModel(path);
      try {
        for (const [name, { byteLength, shape }] of reader.tensors) {
          const [bytes, values] = [await reader.read(name), await reader.readFloat64(name)];
          expectEqual(bytes.length, byteLength);
          expectEqual(values.length, sizeOf(shape));
        }
      } finally {
        await reader.close();
      }
    },
    isShallow: (message) => /no GGUF file|is GGUF of version|number of (tensors|keys)"/.test(message),
  };
}

/** Small models with residual streams, traced and rewritten; what comes out is read again. */
function onnxConversion(folder: string): Target {
  const path = join(folder, 'fuzz.onnx');
  const steps = [
    'branch',
    'transpose',
    'scaledBranch',
    'mask',
    'reshape',
    'shareWeight',
    'tokens',
    'splitAndJoin',
    'expose',
  ];
  const seeds = (['fused', 'pow', 'reciprocal'] as const).map((norm, seed) =>
    encodeModel(randomModel({ seed, steps: streamSteps.filter((step) => steps.includes(step)), norm, opset: 18 })),
  );
  return {
    name: 'onnx conversion',
    share: 3,
    make(random) {
      const seed = pick(seeds, random);
      return random.integer(8) === 0 ? mutateBytes(seed, random) : mutateMessage(seed, random);
    },
    async read(input) {
      writeFileSync(path, input);
      const source = await openOnnx(path);
      const normOps = input.length % 2 === 0 ? 'auto' : 'primitive';
      const plan = planOnnx(source.model, { normOps, source: path });
      const request = { out: join(folder, 'out.onnx'), metadata: { key: 'value' }, contentKey: '' };
      const written = decodeModel(await gatherFile(layOut(source, plan, request)), 'out.onnx');
      expectEqual(written.metadata?.key, 'value');
      indexGraph(written, 'out.onnx');
    },
    isShallow: (message) => message.includes('not an ONNX model'),
  };
}

export function expectOneLine(message: string): void {
  if (message === '' || /[\n\r]/.test(message)) throw new Error(`not one line: ${JSON.stringify(message)}`);
}

function expectEqual(actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`got ${String(actual)}, expected ${String(expected)}`);
}
