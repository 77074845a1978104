import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InputError, RefusalError } from '../../core/errors.ts';
import { cpuEngine } from '../../engine/index.ts';
import { decodeModel, encodeModel, type OnnxModel } from '../../graph/index.ts';
import { convertOnnx } from './convert.ts';
import { modelPath } from './fixtures.fixture.ts';
import { randomModel } from './random.fixture.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-onnx-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const convert = (source: string, out: string, options: Partial<Parameters<typeof convertOnnx>[0]> = {}) =>
  convertOnnx({ source, out: join(folder, out), target: 'rmsnorm', certify: false, ...options });

const small = () => encodeModel(randomModel({ seed: 1, steps: ['branch'], norm: 'fused', opset: 17 }));

async function externalModel(location: string): Promise<string> {
  const model = decodeModel(small());
  const [first, ...rest] = model.graph.initializers;
  if (first === undefined || !('data' in first)) throw new Error('no initializer');
  const { name, dtype, shape, data } = first;
  const external = { name, dtype, shape, external: { location, offset: 8, length: data.length } };
  const changed: OnnxModel = { ...model, graph: { ...model.graph, initializers: [external, ...rest] } };
  await mkdir(join(folder, 'model'), { recursive: true });
  const path = join(folder, 'model', 'm.onnx');
  await writeFile(path, encodeModel(changed));
  await writeFile(join(folder, 'weights'), Buffer.concat([Buffer.alloc(8), data]));
  return path;
}

describe('the file that is written', () => {
  it('keeps byte for byte what was not changed, also what nobody here has heard of', async () => {
    // A documentation, a training field and a property of the future behind the model.
    const unknown = Uint8Array.of(0x32, 2, 104, 105, 0xa2, 1, 2, 8, 1, 0xc2, 0x3e, 1, 0);
    await writeFile(join(folder, 'm.onnx'), Buffer.concat([small(), unknown]));
    await convert(join(folder, 'm.onnx'), 'out.onnx');
    const written = await readFile(join(folder, 'out.onnx'));
    expect(written.includes(Buffer.from(unknown))).toBe(true);
    const [before, after] = [decodeModel(small()), decodeModel(written)];
    expect(after.metadata).toEqual({
      'normlab.converted': 'rmsnorm',
      'normlab.version': expect.any(String),
      'normlab.source': expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const kept = before.graph.nodes.filter(({ opType }) => opType !== 'LayerNormalization');
    expect(after.graph.nodes.filter(({ name }) => name === undefined)).toEqual(kept);
    expect(after.graph.inputs).toEqual(before.graph.inputs);
  });

  it('keeps its data in a file of their own where the source did, and runs in the engine', async () => {
    const out = await convert(modelPath('gpt_neox_external'), 'out.onnx');
    const names = (await readdir(folder)).sort();
    expect(names).toEqual(['out.onnx', expect.stringMatching(/^out\.onnx\.[0-9a-f]{8}\.data$/)]);
    expect(out).toMatchObject({ status: 'converted', dataPath: join(folder, names[1] ?? '') });
    const session = await cpuEngine().createSession(await readFile(join(folder, 'out.onnx')), {
      externalDataFolder: folder,
    });
    await session.release();
  });

  it('is the same again for the same source, and takes old data files with it', async () => {
    const source = modelPath('gpt_neox_external');
    await writeFile(join(folder, 'out.onnx.01234567.data'), 'of an older model');
    // A process of that number is most likely gone.
    await writeFile(join(folder, '.out.onnx.89abcdef.data.partial-4194303-01234567'), 'of one that was killed');
    await convert(source, 'out.onnx');
    const names = await readdir(folder);
    expect(names).toHaveLength(2);
    const first = await Promise.all(names.map((name) => readFile(join(folder, name))));
    await convert(source, 'out.onnx', { force: true });
    expect(await readdir(folder)).toEqual(names);
    expect(await Promise.all(names.map((name) => readFile(join(folder, name))))).toEqual(first);
  });

  it('says that it was converted, and is not converted again', async () => {
    await convert(modelPath('vit'), 'out.onnx');
    const again = await convert(join(folder, 'out.onnx'), 'again.onnx');
    expect(again).toMatchObject({ status: 'nothing-to-do', reason: expect.stringContaining('converted by normlab') });
    expect(await readdir(folder)).toEqual(['out.onnx']);
  });

  it('has its certificate beside it, and loses that when it is replaced without one', async () => {
    const result = await convert(modelPath('vit'), 'out.onnx', { certify: true });
    const text = await readFile(join(folder, 'out.onnx.certificate.json'), 'utf8');
    expect(result).toMatchObject({ certificate: JSON.parse(text) });
    expect(result).toMatchObject({ certificate: { measured: { passed: true } } });
    await convert(modelPath('vit'), 'out.onnx', { force: true });
    expect(await readdir(folder)).toEqual(['out.onnx']);
  });
});

describe('nothing is written', () => {
  const left = async () => (await readdir(folder)).filter((name) => !['model', 'weights', 'm.onnx'].includes(name));

  it.each([
    ['an absolute path', '/etc/hostname', 'leads out of the model'],
    ['a way up', '../weights', 'leads out of the model'],
    ['a way up behind a folder', 'a/../../weights', 'leads out of the model'],
    ['a drive', 'C:\\weights', 'leads out of the model'],
    ['a link out', 'link', 'a link that leads out of the model'],
    ['nothing', 'missing', 'no such file'],
    ['a folder', 'sub', 'which is no file'],
    ['a file that is too short', 'short', 'which has 3. Was it downloaded completely?'],
  ])('where external data are at %s', async (_, location, message) => {
    const source = await externalModel(location);
    const beside = dirname(source);
    await symlink(join(folder, 'weights'), join(beside, 'link'));
    await mkdir(join(beside, 'sub'));
    await writeFile(join(beside, 'short'), 'abc');
    await expect(convert(source, 'out.onnx')).rejects.toThrow(message);
    await expect(convert(source, 'out.onnx')).rejects.toThrow(InputError);
    expect(await left()).toEqual([]);
  });

  it('where the source is no model, cut off, or a folder', async () => {
    const bytes = await readFile(modelPath('vit'));
    const sources = { garbage: Buffer.from('{"a": 1}'), cut: bytes.subarray(0, 50_000), empty: Buffer.alloc(0) };
    for (const [name, data] of Object.entries(sources)) {
      await writeFile(join(folder, 'm.onnx'), data);
      await expect(convert(join(folder, 'm.onnx'), 'out.onnx'), name).rejects.toThrow(
        /^[^\n]*not an ONNX model[^\n]*$/,
      );
    }
    await expect(convert(folder, 'out.onnx')).rejects.toThrow('is a folder, expected a file');
    expect(await left()).toEqual([]);
  });

  it('over a file that is there, the source, or its data', async () => {
    await copyFile(modelPath('gpt_neox_external'), join(folder, 'm.onnx'));
    const [data = ''] = (await readdir(dirname(modelPath('gpt_neox_external')))).filter((name) =>
      name.includes('data'),
    );
    await copyFile(join(dirname(modelPath('gpt_neox_external')), data), join(folder, data));
    const source = join(folder, 'm.onnx');
    await expect(convert(source, 'm.onnx', { force: true })).rejects.toThrow(RefusalError);
    await symlink(source, join(folder, 'alias.onnx'));
    await expect(convert(source, 'alias.onnx', { force: true })).rejects.toThrow('is the source');
    await writeFile(join(folder, 'there.onnx'), 'old');
    await expect(convert(source, 'there.onnx')).rejects.toThrow('use --force to replace it');
    await expect(convert(source, 'out')).rejects.toThrow('ends in .onnx');
    await expect(convert(source, 'no/where/out.onnx')).rejects.toThrow('no such folder');
    expect(await readFile(join(folder, 'there.onnx'), 'utf8')).toBe('old');
  });

  it('when the work is stopped', async () => {
    const controller = new AbortController();
    controller.abort(new Error('stopped'));
    await expect(convert(modelPath('gpt_neox_external'), 'out.onnx', { signal: controller.signal })).rejects.toThrow(
      'stopped',
    );
    expect(await left()).toEqual([]);
  });

  it('when there can be no certificate', async () => {
    const inputs = { file: join(folder, 'm.onnx') };
    await writeFile(join(folder, 'm.onnx'), 'no safetensors');
    await expect(convert(modelPath('gpt_neox_external'), 'out.onnx', { certify: true, inputs })).rejects.toThrow(
      InputError,
    );
    expect(await left()).toEqual([]);
  });

  it('for crmsnorm, and where no norm can be converted', async () => {
    await expect(convert(modelPath('vit'), 'out.onnx', { target: 'crmsnorm' })).rejects.toThrow('becomes rmsnorm only');
    const raw = encodeModel(randomModel({ seed: 1, steps: ['relu'], norm: 'fused', opset: 17 }));
    await writeFile(join(folder, 'm.onnx'), raw);
    await expect(convert(join(folder, 'm.onnx'), 'out.onnx')).rejects.toThrow(
      /its LayerNorm can’t become an RMSNorm: "v\d+": Relu "v\d+" gives it a mean: it is not linear; an explicit op would free this norm alone$/,
    );
    expect(await left()).toEqual([]);
  });
});
