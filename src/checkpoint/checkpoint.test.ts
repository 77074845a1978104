import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encode } from '../core/encoding.ts';
import { InputError } from '../core/errors.ts';
import { openCheckpoint, planShards } from './index.ts';
import { openSafetensors, writeSafetensors } from './safetensors/index.ts';
import { parseShardIndex } from './shards.ts';

const golden = fileURLToPath(new URL('../../test/fixtures/golden/', import.meta.url));
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'normlab-checkpoint-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const copySharded = () => cp(join(golden, 'llama_sharded'), folder, { recursive: true });
const indexPath = () => join(folder, 'model.safetensors.index.json');
const shard = (n: number) => `model-0000${n}-of-00003.safetensors`;

async function refusal(): Promise<string> {
  const error: unknown = await openCheckpoint(folder).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(InputError);
  const message = error instanceof Error ? error.message : '';
  expect(message).not.toContain('\n');
  return message.replaceAll(folder, 'F');
}

async function editIndex(edit: (weightMap: Record<string, string>) => void): Promise<void> {
  const index = JSON.parse(await readFile(indexPath(), 'utf8'));
  edit(index.weight_map);
  await writeFile(indexPath(), JSON.stringify(index));
}

describe('a folder with one file', () => {
  it('gives the config and the tensors', async () => {
    const checkpoint = await openCheckpoint(join(golden, 'gpt2_bf16'));
    expect(checkpoint.config).toMatchObject({ model_type: 'gpt2', n_embd: 40 });
    expect(checkpoint.files).toEqual([join(golden, 'gpt2_bf16', 'model.safetensors')]);
    const info = checkpoint.tensors.get('transformer.h.0.attn.c_attn.weight');
    expect(info).toMatchObject({ dtype: 'bfloat16', shape: [40, 120], file: checkpoint.files[0] });
    const values = await checkpoint.readFloat64('transformer.h.0.attn.c_attn.weight');
    expect(encode(values, 'bfloat16')).toEqual(await checkpoint.read('transformer.h.0.attn.c_attn.weight'));
    await expect(checkpoint.read('transformer.h.0.attn.c_atn.weight')).rejects.toThrow(
      'did you mean "transformer.h.0.attn.c_attn.weight"?',
    );
    await checkpoint.close();
  });

  it('comes before an index, which is then not read', async () => {
    await cp(join(golden, 'gpt2'), folder, { recursive: true });
    await writeFile(indexPath(), 'not JSON');
    await (await openCheckpoint(folder)).close();
  });
});

describe('a folder with shards', () => {
  it('reads every tensor from the file that has it', async () => {
    const checkpoint = await openCheckpoint(join(golden, 'llama_sharded'));
    const { weight_map: weightMap } = JSON.parse(
      await readFile(join(golden, 'llama_sharded/model.safetensors.index.json'), 'utf8'),
    );
    expect(checkpoint.files).toHaveLength(3);
    expect([...checkpoint.tensors.keys()].sort()).toEqual(Object.keys(weightMap).sort());
    for (const [name, info] of checkpoint.tensors) {
      expect(info.file).toBe(join(golden, 'llama_sharded', weightMap[name]));
      const file = await openSafetensors(info.file);
      expect(await checkpoint.readFloat32(name, { start: 1 })).toEqual(await file.readFloat32(name, { start: 1 }));
      const bytes = await readFile(info.file);
      expect(Buffer.from(await checkpoint.read(name))).toEqual(
        bytes.subarray(info.byteOffset, info.byteOffset + info.byteLength),
      );
      await file.close();
    }
    await checkpoint.close();
  });

  it('may be links, as in the hub cache', async () => {
    await copySharded();
    const blobs = await mkdtemp(join(tmpdir(), 'normlab-blobs-'));
    await rename(join(folder, shard(2)), join(blobs, 'f00d'));
    await symlink(join(blobs, 'f00d'), join(folder, shard(2)));
    const checkpoint = await openCheckpoint(folder);
    expect((await checkpoint.readFloat64('model.layers.0.input_layernorm.weight')).length).toBe(40);
    await checkpoint.close();
    await rm(blobs, { recursive: true });
  });

  it('refuses a missing shard by name', async () => {
    await copySharded();
    await rm(join(folder, shard(2)));
    expect(await refusal()).toBe(
      `F: shard ${shard(2)} of 3 is missing, which model.safetensors.index.json lists; download it again`,
    );
  });

  it('refuses a truncated shard', async () => {
    await copySharded();
    await writeFile(join(folder, shard(3)), (await readFile(join(folder, shard(3)))).subarray(0, -100));
    expect(await refusal()).toContain(`F/${shard(3)}: truncated: 100 of 20600 bytes are missing`);
  });

  it('refuses a tensor that its shard lacks', async () => {
    await copySharded();
    await editIndex((map) => {
      map['lm_head.bias'] = shard(3);
    });
    expect(await refusal()).toContain(`says that tensor "lm_head.bias" is in ${shard(3)}, but no shard has it`);
  });

  it('refuses a tensor that is in another shard than the index says', async () => {
    await copySharded();
    await editIndex((map) => {
      map['lm_head.weight'] = shard(1);
    });
    expect(await refusal()).toContain(`says that tensor "lm_head.weight" is in ${shard(1)}, but no shard has it`);
    await editIndex((map) => {
      map['model.norm.weight'] = map['model.norm.weight'] === shard(1) ? shard(2) : shard(1);
      map['lm_head.weight'] = shard(3);
    });
    expect(await refusal()).toMatch(/tensor "model.norm.weight" is in .*, but it is in F/);
  });

  it('refuses a tensor that is in two shards', async () => {
    await copySharded();
    await writeSafetensors(join(folder, 'extra.safetensors'), [
      { name: 'lm_head.weight', dtype: 'uint8', shape: [1], data: Uint8Array.of(1) },
      { name: 'more', dtype: 'uint8', shape: [1], data: Uint8Array.of(1) },
    ]);
    await editIndex((map) => {
      map.more = 'extra.safetensors';
    });
    expect(await refusal()).toContain('tensor "lm_head.weight" is in two shards');
  });

  it.each([
    '../model.safetensors',
    '/etc/model.safetensors',
    'sub/model.safetensors',
    '..\\model.safetensors',
    'C:model.safetensors',
    '.safetensors',
    '..',
    '',
    'a\0.safetensors',
    'a\n.safetensors',
    'pytorch_model.bin',
  ])('refuses the file name %j', (name) => {
    expect(() => parseShardIndex({ weight_map: { w: name } }, 'index')).toThrow(InputError);
    expect(() => parseShardIndex({ weight_map: { w: name } }, 'index')).toThrow(
      'not a .safetensors file of the same folder',
    );
  });

  it('refuses an index that is none', () => {
    for (const bad of [null, [], 3, {}, { weight_map: [] }, { weight_map: {} }, { weight_map: { a: 1 } }]) {
      expect(() => parseShardIndex(bad, 'index')).toThrow(InputError);
    }
    const index = parseShardIndex(JSON.parse('{"weight_map":{"__proto__":"a.safetensors"}}'), 'index');
    expect([...index.shardOf]).toEqual([['__proto__', 'a.safetensors']]);
  });
});

describe('a folder that is not what it should be', () => {
  const weights = () => copyFile(join(golden, 'gpt2/model.safetensors'), join(folder, 'model.safetensors'));

  it('is refused without config.json or with a broken one', async () => {
    await weights();
    expect(await refusal()).toBe('F/config.json: no such file or folder');
    await writeFile(join(folder, 'config.json'), '{"n_embd": 40,}');
    expect(await refusal()).toContain('F/config.json: not valid JSON: ');
  });

  it('is refused with PyTorch weights only, with the command that converts them', async () => {
    await writeFile(join(folder, 'config.json'), '{}');
    await writeFile(join(folder, 'pytorch_model-00001-of-00002.bin'), '');
    expect(await refusal()).toMatch(
      /^F: holds its weights as pytorch_model\*\.bin, .* python -c "import [^"]*save_file[^"]*"$/,
    );
  });

  it('is refused without weights, as a hub cache, as a file, or when there is none', async () => {
    expect(await refusal()).toBe('F: has neither model.safetensors nor model.safetensors.index.json');
    await mkdir(join(folder, 'snapshots'));
    expect(await refusal()).toContain('choose one of the folders in snapshots/');
    await expect(openCheckpoint('gpt2/none')).rejects.toThrow(
      'gpt2/none: no such file or folder; expected a local folder',
    );
    await expect(openCheckpoint(join(golden, 'gpt2/config.json'))).rejects.toThrow('expected a local folder');
  });
});

describe('tensors spread over files', () => {
  const plan = (sizes: readonly number[], maxBytes: number) =>
    planShards(
      sizes.map((byteLength) => ({ byteLength })),
      maxBytes,
    ).map(({ fileName, tensors }) => [fileName, ...tensors.map(({ byteLength }) => byteLength)]);

  it('fill each file as far as they fit, in order', () => {
    expect(plan([3, 4, 3, 5, 5, 1], 10)).toEqual([
      ['model-00001-of-00003.safetensors', 3, 4, 3],
      ['model-00002-of-00003.safetensors', 5, 5],
      ['model-00003-of-00003.safetensors', 1],
    ]);
  });

  it('are one file where they fit, and a large one has its own', () => {
    expect(plan([3, 4, 3], 10)).toEqual([['model.safetensors', 3, 4, 3]]);
    expect(plan([11, 1, 0, 12], 10).map(([, ...sizes]) => sizes)).toEqual([[11], [1, 0], [12]]);
  });
});
