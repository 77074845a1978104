import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { fitGguf, ggufStorage, type Model, openModel } from '../index.ts';

const fixture = (path: string) => fileURLToPath(new URL(`../../../test/fixtures/${path}`, import.meta.url));

async function golden(name: string): Promise<Model> {
  const model = await openModel(fixture(`golden/${name}`));
  onTestFinished(() => model.checkpoint.close());
  return model;
}

interface Recorded {
  readonly architecture: string;
  /** From the source's names of tensors to llama.cpp's. */
  readonly names: Readonly<Record<string, string>>;
}

const recorded: Readonly<Record<string, Recorded>> = JSON.parse(await readFile(fixture('gguf/names.json'), 'utf8'));

describe("tensors have the names that llama.cpp's own package gives them", () => {
  test.each(Object.entries(recorded))('%s', async (name, { architecture, names }) => {
    const { spec, storage } = await golden(name);
    // What is converted has a stream of mean 0 and RMSNorms; OLMo's have no weights.
    const norm = { ...spec.norm, kind: spec.norm.kind.replace('layernorm-non', 'rmsnorm-non') };
    const fit = fitGguf({ ...spec, norm, finalNorm: norm }, { isCentred: true });
    if (!fit.fits) throw new Error(fit.reason);
    expect(fit.architecture.id).toBe(architecture);
    const own = ggufStorage(fit.architecture, fit.spec);
    const pairs = [...storage].map(([parameter, { tensor }]) => [tensor, own.get(parameter)?.tensor]);
    // A head that a file holds beside the embedding has no name in the source.
    expect(Object.fromEntries(pairs)).toEqual(names);
  });
});

describe('what llama.cpp computes otherwise fits none of its architectures', () => {
  test.each([
    ['qwen3', 'llama has no norm on queries and keys'],
    ['gemma', 'the norms here are rmsnorm-gemma'],
    ['phi3', 'llama has queries, keys and values as linears of their own'],
    ['phi3', 'has gate and up as two linears'],
    ['opt', 'gpt2 has a plain MLP with gelu_tanh, not a plain one with relu'],
    ['gpt_neo', 'gpt2 has no place for attention.windows as normlab writes it, and divides its scores by √(head size)'],
    ['falcon_rw_arch', 'mpt has no place for positions.rounding'],
    ['phi_qk', 'phi2 has no norm on queries and keys'],
    ['persimmon', 'has no norm on queries and keys'],
    ['cohere2', 'has no place for positions.layers'],
    ['openai_gpt_postln', 'gpt2 has its norms before branches, not post'],
    ['qwen3_moe', 'has no experts'],
    ['llama_gqa_tied', undefined],
  ])('%s: %s', async (name, reason) => {
    const { spec } = await golden(name);
    const fit = fitGguf({ ...spec, tiedHead: false });
    expect(fit.fits ? undefined : fit.reason).toEqual(
      reason === undefined ? undefined : expect.stringContaining(reason),
    );
  });

  test('experts that all tokens go through are no part of DBRX', async () => {
    const { spec } = await golden('dbrx');
    const { experts } = spec.mlp;
    if (experts === undefined) throw new Error('dbrx has experts');
    const withExperts = (more: Partial<typeof experts>) =>
      fitGguf({ ...spec, mlp: { ...spec.mlp, experts: { ...experts, ...more } } });
    expect(withExperts({}).fits).toBe(true);
    expect(withExperts({ sharedInnerSize: 8 })).toMatchObject({
      reason: expect.stringContaining('experts of one kind'),
    });
    expect(withExperts({ normalized: false })).toMatchObject({
      reason: "dbrx divides the chosen experts' shares by their sum",
    });
  });

  test('LayerNorms stand for RMSNorms only where the stream has mean 0', async () => {
    const { spec } = await golden('stablelm');
    const norm = { ...spec.norm, kind: 'rmsnorm-bias' };
    const rms = { ...spec, norm, finalNorm: norm };
    expect(fitGguf(rms)).toEqual({
      fits: false,
      reason: 'stablelm has LayerNorms, and the norms here are rmsnorm-bias',
    });
    expect(fitGguf(rms, { isCentred: true }).fits).toBe(true);
  });
});
