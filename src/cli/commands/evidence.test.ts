import { describe, expect, test } from 'vitest';
import { evidenceBase } from '../../evidence/index.ts';
import { capture } from '../capture.fixture.ts';

describe('normlab evidence', () => {
  test('lists every model, and sums up', async () => {
    const { code, stdout, stderr } = await capture('evidence');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { models } = evidenceBase();
    for (const { name } of models) expect(stdout).toContain(name);
    expect(stdout).toContain(`${models.length} models; `);
    expect(stdout).toMatch(/^Comparisons at 1B parameters or more: \d+\.$/m);
  });

  test('shows the records of a family, a model, a checkpoint', async () => {
    expect((await capture('evidence', 'olmo-2')).stdout).toMatch(/^OLMo 2 \(.*\nNorm: {7}rmsnorm, placement output/);
    expect((await capture('evidence', 'meta-llama/Llama-2-7b-hf')).stdout).toMatch(/^Llama 2 \(/);
    const twice = await capture('evidence', 'gpt-3', 'gpt3');
    expect(twice.stdout.match(/^Norm:/gm)).toHaveLength(1);
  });

  test('lists papers and describes one', async () => {
    expect((await capture('evidence', '--papers')).stdout).toMatch(/^narang2021 +2021 /m);
    expect((await capture('evidence', '--papers', '2102.11972')).stdout).toMatch(/does not show: /);
  });

  test('prints records as JSON', async () => {
    const [model] = JSON.parse((await capture('evidence', 'gpt-3', '--json')).stdout);
    expect(model).toMatchObject({ id: 'gpt-3', norm: 'layernorm' });
    const all = JSON.parse((await capture('evidence', '--json')).stdout);
    expect(all.summary.models).toBe(all.models.length);
    expect(JSON.parse((await capture('evidence', '--papers', '--json')).stdout)).toHaveLength(
      evidenceBase().papers.length,
    );
  });

  test.each([
    [['gpt-33'], /no model called "gpt-33".*Did you mean/],
    [['--papers', 'narang2012'], /Did you mean "narang2021"/],
    [['gpt-3', ''], /expected the name of a model/],
  ])('refuses %j in one line', async (args, message) => {
    const { code, stdout, stderr } = await capture('evidence', ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^normlab: .+\n$/);
    expect(stderr).toMatch(message);
  });
});
