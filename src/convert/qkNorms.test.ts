import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../checkpoint/index.ts';
import { readDecoder } from './certificate/observe.fixture.ts';
import { convertModel } from './convert.ts';
import { converted, differenceToGolden, goldenFolder, temporaryPaths } from './golden.fixture.ts';
import { conversionTargets } from './options.ts';

const temporary = temporaryPaths();
const cases = ['persimmon', 'phi_qk', 'stablelm_qk_parallel', 'cohere_qk'];

describe.each(cases)('%s', (name) => {
  test.each(conversionTargets)('with its norms on queries and keys to %s has the same logits', async (target) => {
    const out = await temporary(`${name}-${target}`);
    const source = goldenFolder(name);
    const { certificate } = await converted({ source, out, target, qkNorms: true, dtype: 'float64' });
    expect(await differenceToGolden(out, name)).toBeLessThan(1e-10);
    expect(certificate?.passed).toBe(true);
    const { spec } = await readDecoder(out);
    expect(spec.attention.qkNorm?.norm.kind).toMatch(/^rmsnorm/);
    expect(spec.attention.qkNorm?.norm.epsilon).toBe((await readDecoder(source)).spec.attention.qkNorm?.norm.epsilon);
  });

  test('without being asked they stay', async () => {
    const out = await temporary(`${name}-kept`);
    await converted({ source: goldenFolder(name), out, target: 'rmsnorm', certify: false });
    expect((await readDecoder(out)).spec.attention.qkNorm?.norm.kind).toMatch(/^layernorm/);
    const then = await temporary(`${name}-then`);
    await converted({ source: out, out: then, target: 'rmsnorm', qkNorms: true, dtype: 'float64', certify: false });
    expect(await differenceToGolden(then, name)).toBeLessThan(1e-6);
    const { config, ...checkpoint } = await openCheckpoint(then);
    expect(config).toMatchObject({ normlab: { norm: 'rmsnorm', qkNorm: 'rmsnorm', converted: 'rmsnorm' } });
    await checkpoint.close();
    const again = { source: then, out: await temporary('again'), target: 'rmsnorm', qkNorms: true } as const;
    expect((await convertModel(again)).status).toBe('nothing-to-do');
  });
});
