import { mkdtemp, open, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteSizes, dtypes } from '../../core/dtype.ts';
import { encode } from '../../core/encoding.ts';
import { InputError } from '../../core/errors.ts';
import type { TensorEntry } from './entries.ts';
import { openSafetensors } from './read.ts';
import { rowBlocks } from './rows.ts';
import { writeSafetensors } from './write.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-safetensors-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const fromPython = fileURLToPath(new URL('./fixtures/python.safetensors', import.meta.url));
const golden = fileURLToPath(new URL('../../../test/fixtures/golden/', import.meta.url));

/** Opens, uses and closes. */
async function using<T>(
  path: string,
  use: (file: Awaited<ReturnType<typeof openSafetensors>>) => Promise<T>,
): Promise<T> {
  const file = await openSafetensors(path);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

const matrix = (rows: number, columns: number): TensorEntry => ({
  name: 'matrix',
  dtype: 'float32',
  shape: [rows, columns],
  data: encode(
    Float64Array.from({ length: rows * columns }, (_, i) => i),
    'float32',
  ),
});

describe('a file that the Python library wrote', () => {
  it('is read in every dtype, with scalars, empty tensors and metadata', async () => {
    await using(fromPython, async (file) => {
      expect(Object.fromEntries(file.metadata)).toEqual({ 'made by': 'safetensors 0.8.0, numpy', emoji: 'µ' });
      for (const dtype of dtypes.filter((name) => name !== 'bfloat16')) {
        const step = dtype.startsWith('float') ? 1.5 : 1;
        const values = Float64Array.from({ length: 6 }, (_, i) => i * step - (dtype.startsWith('u') ? 0 : 3));
        const expected = dtype === 'bool' ? Float64Array.of(1, 0, 1, 0, 0, 1) : values;
        expect(file.tensors.get(dtype)).toMatchObject({ dtype, shape: [2, 3], byteLength: 6 * byteSizes[dtype] });
        expect(await file.readFloat64(dtype)).toEqual(expected);
        expect(await file.readFloat32(dtype, { start: 1 })).toEqual(Float32Array.from(expected.subarray(3)));
      }
      expect(file.tensors.get('scalar')?.shape).toEqual([]);
      expect(await file.readFloat64('scalar')).toEqual(Float64Array.of(7.25));
      expect(await file.readFloat64('empty')).toEqual(new Float64Array(0));
    });
  });

  it.each(['gpt2_bf16/model', 'llama_f16/model', 'llama_sharded/model-00002-of-00003'])(
    '%s comes out byte for byte when it is written again',
    async (name) => {
      const source = join(golden, `${name}.safetensors`);
      const copy = join(root, 'copy.safetensors');
      await using(source, async (file) => {
        const entries = [...file.tensors.values()].map((info) => ({
          ...info,
          data: async function* () {
            for (const rows of rowBlocks(info, 1000)) {
              const rowBytes = info.byteLength / (info.shape[0] ?? 1);
              yield file.read(info.name, { start: rows.start * rowBytes, end: rows.end * rowBytes });
            }
          },
        }));
        await writeSafetensors(copy, entries, { metadata: Object.fromEntries(file.metadata) });
      });
      expect(Buffer.compare(await readFile(copy), await readFile(source))).toBe(0);
    },
  );
});

describe('openSafetensors', () => {
  it('reads ranges of bytes and of rows', async () => {
    const path = join(root, 'ranges.safetensors');
    await writeSafetensors(path, [
      { name: 'odd', dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 3) },
      matrix(5, 2),
    ]);
    await using(path, async (file) => {
      expect(await file.read('odd', { start: 1, end: 2 })).toEqual(Uint8Array.of(2));
      expect(await file.readFloat64('matrix', { start: 1, end: 3 })).toEqual(Float64Array.of(2, 3, 4, 5));
      expect(await file.readFloat32('matrix', { start: 4 })).toEqual(Float32Array.of(8, 9));
      expect(await file.readFloat32('matrix', { start: 5 })).toEqual(new Float32Array(0));
      for (const rows of [{ end: 6 }, { start: -1 }, { start: 3, end: 2 }, { start: 0.5 }, { start: Number.NaN }]) {
        await expect(file.readFloat64('matrix', rows)).rejects.toThrow(RangeError);
      }
      await expect(file.read('matrix', { end: 41 })).rejects.toThrow(
        'bytes 0 to 41 are not inside a tensor of 40 bytes',
      );
      await expect(file.read('matrx')).rejects.toThrow(
        new InputError(`${path}: no tensor "matrx" (did you mean "matrix"?)`),
      );
    });
  });

  it('reaches beyond 4 GiB without reading what is before', async () => {
    const path = join(root, 'sparse.safetensors');
    const rows = 2 ** 20 + 1;
    const header = Buffer.from(`{"big":{"dtype":"F32","shape":[${rows},1024],"data_offsets":[0,${rows * 4096}]}}`);
    const file = await open(path, 'w');
    const length = Buffer.alloc(8);
    length.writeUInt32LE(header.length);
    await file.write(Buffer.concat([length, header]));
    await file.truncate(8 + header.length + rows * 4096);
    await file.write(Buffer.from(Float32Array.of(1.5).buffer), 0, 4, 8 + header.length + rows * 4096 - 4);
    await file.close();
    const last = await using(path, (opened) => opened.readFloat64('big', { start: rows - 1 }));
    await rm(path);
    expect([last.length, last[1023]]).toEqual([1024, 1.5]);
  });

  it('says what is missing from a file that was cut anywhere', async () => {
    const path = join(root, 'cut.safetensors');
    await writeSafetensors(path, [matrix(2, 2)]);
    const whole = await readFile(path);
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const error: unknown = await openSafetensors(path).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      const inHeader = length < whole.length - 16;
      const missing = inHeader
        ? 'bytes of its header'
        : `${whole.length - length} of ${whole.length} bytes are missing`;
      expect(String(error)).toContain(length < 8 ? `${length} bytes are too few` : missing);
    }
  });

  it('notices a file that shrinks while it is open', async () => {
    const path = join(root, 'shrinks.safetensors');
    await writeSafetensors(path, [matrix(2, 2)]);
    await using(path, async (file) => {
      await truncate(path, (await readFile(path)).length - 1);
      await expect(file.read('matrix')).rejects.toThrow('became shorter while it was read');
    });
  });

  it('refuses a folder, a missing file and a device in one line', async () => {
    for (const path of [root, join(root, 'none.safetensors'), '/dev/zero']) {
      await expect(openSafetensors(path)).rejects.toThrow(InputError);
    }
  });

  it('opens or refuses whatever bytes were changed', async () => {
    const path = join(root, 'changed.safetensors');
    await writeSafetensors(path, [matrix(2, 2), { ...matrix(1, 3), name: 'other' }]);
    const whole = await readFile(path);
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(changes, async (list) => {
        const changed = Buffer.from(whole);
        for (const [position, value] of list) changed[position] = value;
        await writeFile(path, changed);
        const file = await openSafetensors(path).catch((error: unknown) => {
          expect(error).toBeInstanceOf(InputError);
        });
        for (const { name } of file?.tensors.values() ?? []) await file?.readFloat64(name);
        await file?.close();
      }),
      { numRuns: 200 },
    );
  });
});

describe('writeSafetensors', () => {
  it('keeps the given order, also of names that look like numbers, and pads the header to 8 bytes', async () => {
    const path = join(root, 'order.safetensors');
    const names = ['10', 'b', '2', '__proto__', 'µ"\n'];
    await writeSafetensors(
      path,
      names.map((name, i) => ({ ...matrix(1, i), name })),
      { metadata: {} },
    );
    const bytes = await readFile(path);
    expect(bytes.readUInt32LE(0) % 8).toBe(0);
    await using(path, async (file) => {
      expect(new Set(file.tensors.keys())).toEqual(new Set(names));
      expect(file.tensors.get('__proto__')?.shape).toEqual([1, 3]);
      expect(await file.readFloat64('µ"\n')).toEqual(Float64Array.of(0, 1, 2, 3));
    });
    const header = bytes.subarray(8, 8 + bytes.readUInt32LE(0)).toString();
    expect([...header.matchAll(/"shape":\[1,(\d)\]/g)].map((match) => match[1])).toEqual(['0', '1', '2', '3', '4']);
  });

  it('refuses data of the wrong length, and leaves the old file and nothing else', async () => {
    const folder = await mkdtemp(join(root, 'write-'));
    const path = join(folder, 'a.safetensors');
    await writeSafetensors(path, [matrix(1, 1)]);
    const before = await readFile(path);
    const pieces = (...sizes: number[]) =>
      async function* () {
        for (const size of sizes) yield new Uint8Array(size);
      };
    const entry = { name: 'a', dtype: 'float16', shape: [2, 2] } as const;
    for (const [data, message] of [
      [new Uint8Array(7), 'tensor "a": float16 [2, 2] takes 8 bytes, its data has 7'],
      [pieces(4, 3), 'takes 8 bytes, its data has 7'],
      [pieces(4, 3, 0, 2, 1), 'takes 8 bytes, its data has 9 or more'],
      [pieces(), 'takes 8 bytes, its data has 0'],
    ] as const) {
      await expect(writeSafetensors(path, [{ ...entry, data }])).rejects.toThrow(message);
    }
    const data = async function* () {
      yield new Uint8Array(4);
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    };
    await expect(writeSafetensors(path, [{ ...entry, data }])).rejects.toThrow(InputError);
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(folder)).toEqual(['a.safetensors']);
  });

  it('refuses entries that no reader would take', async () => {
    const path = join(root, 'never.safetensors');
    for (const entries of [
      [matrix(1, 1), matrix(1, 1)],
      [{ ...matrix(1, 1), name: '__metadata__' }],
      [{ ...matrix(1, 1), shape: [-1, -1] }],
      [{ ...matrix(1, 1), shape: [0.5, 2] }],
      [{ ...matrix(1, 1), shape: [2 ** 40, 2 ** 40] }],
    ]) {
      await expect(writeSafetensors(path, entries)).rejects.toThrow(InputError);
    }
    expect(await readdir(root)).not.toContain('never.safetensors');
  });
});

describe('rowBlocks', () => {
  it('tiles the rows in order, within the limit wherever a row is', () => {
    const shapes = fc.array(fc.nat(9), { maxLength: 3 });
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 100 }), (shape, maxBytes) => {
        const rows = shape[0] ?? 1;
        const byteLength = 2 * shape.reduce((product, dim) => product * dim, 1);
        let next = 0;
        for (const { start, end } of rowBlocks({ shape, byteLength }, maxBytes)) {
          expect(start).toBe(next);
          expect(end).toBeGreaterThan(start);
          expect(end - start === 1 || ((end - start) * byteLength) / rows <= maxBytes).toBe(true);
          next = end;
        }
        expect(next).toBe(rows);
      }),
    );
  });

  it('takes 256 MiB at a time by default', () => {
    const embedding = { shape: [151936, 8192], byteLength: 151936 * 8192 * 2 };
    const blocks = [...rowBlocks(embedding)];
    expect([blocks.length, blocks[0]?.end]).toEqual([10, 16384]);
  });
});
