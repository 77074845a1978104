import { createHash } from 'node:crypto';
import { copyFile, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, makeValue } from '../graph/index.ts';
import { buildDecoder } from './build.ts';
import { golden, temporaryFolder } from './checkpoint.fixture.ts';
import { externalWeights } from './external.ts';
import { type Model, openModel, readParameters } from './load.ts';
import { createModelSession, type ModelSessionOptions } from './session.ts';

const ids = [1, 90, 7, 7];

function decoderOf(model: Model) {
  return buildDecoder(model.spec, { batch: 1, sequence: ids.length, storage: model.storage });
}

async function sessionLogits(folder: string, options: ModelSessionOptions = {}): Promise<Float64Array> {
  const model = await openModel(folder);
  try {
    const session = await createModelSession(model, { logits: decoderOf(model).logits }, options);
    try {
      const data = BigInt64Array.from(ids, BigInt);
      const { logits } = await session.run({ input_ids: { dtype: 'int64', shape: [1, ids.length], data } });
      return Float64Array.from(logits?.data ?? [], Number);
    } finally {
      await session.release();
    }
  } finally {
    await model.checkpoint.close();
  }
}

async function exactLogits(folder: string): Promise<Float64Array> {
  const model = await openModel(folder);
  try {
    const feeds = { ...(await readParameters(model)), input_ids: makeValue('int', [1, ids.length], ids) };
    return evaluate([decoderOf(model).logits], feeds)[0]?.data ?? new Float64Array();
  } finally {
    await model.checkpoint.close();
  }
}

/** The largest difference of a folder's logits, as the engine computes them, to the definition's for another folder. */
async function errorOf(folder: string, source = folder, options: ModelSessionOptions = {}): Promise<number> {
  const [actual, exact] = [await sessionLogits(folder, options), await exactLogits(source)];
  expect(actual.length).toBe(exact.length);
  return actual.reduce((largest, value, i) => Math.max(largest, Math.abs(value - (exact[i] ?? Number.NaN))), 0);
}

/** A copy of a golden case whose files are links to where `place` puts each. */
async function linked(name: string, place: (file: string) => string): Promise<string> {
  const root = await temporaryFolder();
  const folder = join(root, 'snapshots', 'main');
  await mkdir(folder, { recursive: true });
  for (const file of await readdir(golden(name))) {
    const target = join(root, place(file));
    await mkdir(join(target, '..'), { recursive: true });
    await copyFile(join(golden(name), file), target);
    await symlink(relative(folder, target), join(folder, file));
  }
  return folder;
}

/** Puts the tensors of a copy at an odd place: its header's padding is cut to one blank more than the JSON. */
async function misalign(path: string): Promise<void> {
  const bytes = await readFile(path);
  const length = Number(bytes.readBigUInt64LE(0));
  const json = bytes
    .subarray(8, 8 + length)
    .toString()
    .trimEnd();
  const header = Buffer.from(json.length % 2 === 0 ? `${json} ` : json);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(header.length));
  await writeFile(path, Buffer.concat([prefix, header, bytes.subarray(8 + length)]));
}

describe('weights that the engine takes from the files', () => {
  test.each(['gpt2', 'gpt2_bf16', 'llama', 'llama_f16', 'llama_sharded', 'qwen2_tied', 'gpt_neox_parallel'])(
    '%s computes the same logits as the definition',
    async (name) => {
      expect(await errorOf(golden(name))).toBeLessThan(2e-5);
    },
  );

  test('also with rearranged copies, and in float64', async () => {
    expect(await errorOf(golden('llama_gqa_tied'), undefined, { prepacking: true })).toBeLessThan(2e-5);
    expect(await errorOf(golden('llama_gqa_tied'), undefined, { floatType: 'float64' })).toBeLessThan(1e-12);
  });

  test('a hub cache: every file is a link into ../../blobs, where it has no extension', async () => {
    const folder = await linked('llama_sharded', (file) => `blobs/${createHash('sha256').update(file).digest('hex')}`);
    expect(await errorOf(folder, golden('llama_sharded'))).toBeLessThan(2e-5);
  });

  test('shards in different real folders', async () => {
    const folder = await linked('llama_sharded', (file) => `disk${file.charAt(10)}/a/${file}`);
    expect(await errorOf(folder, golden('llama_sharded'))).toBeLessThan(2e-5);
  });

  test('a relative path', async () => {
    expect(await errorOf(relative(process.cwd(), golden('gpt2_bf16')))).toBeLessThan(2e-5);
  });

  test.each(['gpt2_bf16', 'llama', 'llama_f16'])('%s with tensors at odd places of the file', async (name) => {
    const folder = await temporaryFolder();
    for (const file of await readdir(golden(name))) await copyFile(join(golden(name), file), join(folder, file));
    await misalign(join(folder, 'model.safetensors'));
    const model = await openModel(folder);
    const offsets = [...model.checkpoint.tensors.values()].map(({ byteOffset }) => byteOffset % 2);
    await model.checkpoint.close();
    expect(offsets).toContain(1);
    expect(await errorOf(folder, golden(name))).toBeLessThan(2e-5);
  });

  test('each stored tensor is named once', async () => {
    const model = await openModel(golden('qwen2_tied'));
    const { tensors, folder } = await externalWeights(model);
    await model.checkpoint.close();
    expect([...tensors.keys()]).toEqual(model.tensors.map(({ name }) => name));
    expect(basename(folder)).toBe('qwen2_tied');
  });
});

describe('files that changed since the model was opened', () => {
  async function changed(change: (file: string) => Promise<void>): Promise<string> {
    const folder = await temporaryFolder();
    for (const file of await readdir(golden('llama'))) await copyFile(join(golden('llama'), file), join(folder, file));
    const model = await openModel(folder);
    try {
      await change(join(folder, 'model.safetensors'));
      const session = await createModelSession(model, { logits: decoderOf(model).logits });
      await session.release();
      return 'no error';
    } catch (error) {
      return String(error);
    } finally {
      await model.checkpoint.close();
    }
  }

  test.each<[string, (file: string) => Promise<void>, RegExp]>([
    [
      'shorter',
      (file) => truncate(file, 1000),
      /InputError: \S+model\.safetensors: has 1000 bytes, \d+ when its header/,
    ],
    ['longer', (file) => writeFile(file, 'x', { flag: 'a' }), /model\.safetensors: has \d+ bytes, \d+ when its header/],
    ['gone', (file) => rm(file), /InputError: \S+model\.safetensors: no such file/],
  ])('%s: one line, no crash', async (_, change, message) => {
    const text = await changed(change);
    expect(text).toMatch(message);
    expect(text).not.toContain('\n');
  });
});
