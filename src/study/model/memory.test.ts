import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { findProfile } from '../profiles.ts';
import { runStudy } from '../study.ts';

// A machine on which no model's certificate fits.
vi.mock('node:os', async (original) => ({ ...(await original<typeof import('node:os')>()), totalmem: () => 1024 }));

it('a model that is too large for a certificate is converted without, and the report says so', async () => {
  const root = await mkdtemp(join(tmpdir(), 'normlab-study-memory-'));
  try {
    const model = join(import.meta.dirname, '../../../test/fixtures/golden/olmo');
    const { answer, results } = await runStudy({
      profile: findProfile('smoke'),
      model,
      out: join(root, 'study'),
      skip: ['speed'],
    });
    for (const conversion of results.model?.conversions ?? []) {
      expect(conversion).toMatchObject({ outcome: 'converted', certificate: null, perplexity: null });
      expect(conversion.outcome === 'converted' && conversion.notCertified).toMatch(/takes .* of memory/);
    }
    expect(results.model?.conversions).toHaveLength(2);
    expect(answer.model).toMatchObject({ verdict: 'uncertified', confidence: 'low' });
    expect(answer.model?.switching.join(' ')).toContain('There is no certificate: ');
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
