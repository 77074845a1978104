import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { changedCopy, golden } from './checkpoint.fixture.ts';
import { inspectFolder } from './inspect.ts';

test('bytes are counted by dtype, and buffers of old checkpoints are no problem', async () => {
  const { weights, problem } = await inspectFolder(golden('gpt_neox_hub_buffers'));
  expect(problem).toBeNull();
  const bytes = [...(weights?.byDType.values() ?? [])];
  expect(bytes.length).toBeGreaterThan(1);
  expect(bytes).toEqual([...bytes].sort((a, b) => b - a));
  expect(bytes.reduce((a, b) => a + b, 0)).toBe(weights?.bytes);
});

test('a folder for llama.cpp is said to be one, not to lack its config', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-inspect-'));
  try {
    await writeFile(join(folder, 'model.gguf'), 'GGUF');
    await expect(inspectFolder(folder)).rejects.toThrow('holds its weights as GGUF');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a tied head that is stored too is named, and not compared', async () => {
  const folder = await changedCopy('llama_gqa_tied', {
    tensors: (tensors) => {
      const embedding = tensors.get('model.embed_tokens.weight');
      if (embedding === undefined) throw new Error('no embedding');
      tensors.set('lm_head.weight', { ...embedding, data: embedding.data.map((byte) => 255 - byte) });
    },
  });
  const { weights, problem } = await inspectFolder(folder);
  expect(problem).toBeNull();
  expect(weights?.storedHead).toBe('lm_head.weight');
});

test('a tensor of another name is a problem in one line that suggests the nearest', async () => {
  const folder = await changedCopy('llama', {
    tensors: (tensors) => {
      const norm = tensors.get('model.norm.weight');
      if (norm !== undefined) tensors.set('model.normm.weight', norm);
    },
  });
  const { problem, spec } = await inspectFolder(folder);
  expect(problem).toMatch(/model\.normm\.weight.*did you mean "model\.norm\.weight"/);
  expect(spec.numLayers).toBe(3);
});
