import { describe, expect, test } from 'vitest';
import {
  claimRows,
  claimsById,
  describeModel,
  describePaper,
  evidenceBase,
  findModels,
  findPapers,
  formatCitation,
  formatEpsilon,
  type ModelRecord,
  modelRow,
} from './index.ts';

function model(query: string): ModelRecord {
  const [found] = findModels(query);
  if (!found) {
    throw new Error(`no ${query}`);
  }
  return found;
}

describe('modelRow', () => {
  test('of GPT-3', () => {
    expect(modelRow(model('gpt-3'))).toEqual({
      id: 'gpt-3',
      model: 'GPT-3',
      year: '2020',
      norm: 'layernorm',
      placement: 'pre',
      qkNorm: 'no',
      epsilon: 'not stated',
      reason: 'none given',
      ablation: 'none found',
      confidence: 'read',
    });
  });

  test('tells a reason for the placement, an unread report and a confounded comparison apart', () => {
    expect(modelRow(model('llama 1')).reason).toBe('stability (of the placement)');
    expect(modelRow(model('llama 3')).reason).toBe('not looked up');
    expect(modelRow(model('llama 2')).reason).toBe('none given');
    expect(modelRow(model('olmoe')).ablation).toBe('confounded');
    expect(modelRow(model('modernbert')).ablation).toBe('LayerNorm vs RMSNorm');
  });

  test('no cell of any row is empty or longer than a line', () => {
    for (const record of evidenceBase().models) {
      for (const [column, cell] of Object.entries(modelRow(record))) {
        expect(cell.length, `${record.id} ${column}`).toBeGreaterThan(0);
        expect(cell, `${record.id} ${column}`).not.toMatch(/\n|undefined|null/);
      }
    }
  });
});

describe('describeModel', () => {
  test('GPT-3 has LayerNorm, and the belief that RMSNorm came from it is corrected with sources', () => {
    const text = describeModel(model('gpt-3'));
    expect(text).toContain('Norm:       layernorm, placement pre');
    expect(text).toContain('Often believed, and wrong: RMSNorm came to Llama from GPT-3.');
    expect(text).toMatch(/\[GPT3\].*pre-normalization/);
    expect(text).toContain('arXiv:2302.13971');
    expect(text).toContain('none given in the report');
    expect(text).toContain('None found in what was searched.');
  });

  test('OLMoE names what confounds its comparison', () => {
    const text = describeModel(model('olmoe'));
    expect(text).toContain('15% of throughput');
    expect(text).toContain('not LayerNorm against RMSNorm proper');
    expect(text).toContain('olmoe2024/norm-kind');
  });

  test('every description stands on its own', () => {
    for (const record of evidenceBase().models) {
      const text = describeModel(record);
      expect(text, record.id).not.toMatch(/undefined|null|\[object|\n$/);
      expect(text, record.id).toContain(`Confidence: ${record.confidence} (`);
    }
  });
});

describe('claims and papers', () => {
  test('rows carry the spread and the change against the first value', () => {
    const claim = claimsById().get('narang2021/table1-rms');
    const rows = claim ? claimRows(claim) : [];
    expect(rows[1]).toEqual({
      claim: 'narang2021/table1-rms',
      quantity: 'training speed',
      variant: 'rmsnorm',
      value: '3.68',
      unit: 'steps/s',
      changePercent: '+5.1',
    });
    expect(rows[2]?.value).toBe('2.182 ± 0.005');
    expect(rows[2]?.changePercent).toBe('');
  });

  test('a change against zero, or of a percentage, is left out', () => {
    const claim = claimsById().get('olmoe2024/norm-kind');
    expect(claim ? claimRows(claim).map(({ changePercent }) => changePercent) : null).toEqual(['', '']);
  });

  test('a paper lists what it does not show', () => {
    const [paper] = findPapers('dyt2025');
    expect(paper ? describePaper(paper) : '').toMatch(/does not show: LayerNorm/);
  });

  test('citations and epsilons are short', () => {
    expect(formatCitation({ source: 'narang2021', section: 'Table 1' })).toBe(
      'Narang et al. 2021 (arXiv:2102.11972), Table 1',
    );
    expect([1e-5, 1.5625e-7, 1].map(formatEpsilon)).toEqual(['1e-5', '1.5625e-7', '1']);
  });
});
