import { describe, expect, test } from 'vitest';
import { normKinds } from '../norms/index.ts';
import {
  type Claim,
  claimsById,
  evidenceBase,
  evidenceSchema,
  headlineModels,
  type MeasuredValue,
  type ModelRecord,
  paper1GptShares,
  paper1ReadOff,
  paper1VitShares,
  paper1VitTraining,
  sourcesByKey,
} from './index.ts';
import { changePercent } from './render.ts';
import { normIds } from './schema.ts';

const base = evidenceBase();
const claims = base.papers.flatMap((paper) => paper.claims);

function claim(id: string): Claim {
  const found = claimsById().get(id);
  if (!found) {
    throw new Error(`no claim ${id}`);
  }
  return found;
}

function values(id: string, quantity: string): readonly MeasuredValue[] {
  const found = claim(id).measurements.find((measurement) => measurement.quantity === quantity);
  if (!found) {
    throw new Error(`no ${quantity} in ${id}`);
  }
  return found.values;
}

const numbers = (id: string, quantity: string) => values(id, quantity).map(({ value }) => value);

function duplicates(keys: readonly string[]): readonly string[] {
  return keys.filter((key, i) => keys.indexOf(key) !== i);
}

describe('structure', () => {
  test('every record fits the schema', () => {
    const parsed = evidenceSchema.safeParse(base);
    expect(parsed.error?.issues ?? []).toEqual([]);
    expect(base.papers.length).toBeGreaterThan(20);
    expect(base.models.length).toBeGreaterThan(50);
  });

  test('the schema turns down what a careless record would hold', () => {
    const [model] = base.models;
    const broken = (change: object) => evidenceSchema.safeParse({ ...base, models: [{ ...model, ...change }] }).success;
    expect(broken({})).toBe(true);
    expect(broken({ norm: 'batchnorm' })).toBe(false);
    expect(broken({ confidence: 'certain' })).toBe(false);
    expect(broken({ sources: [] })).toBe(false);
    expect(broken({ notes: ['  '] })).toBe(false);
    expect(broken({ unknownKey: 1 })).toBe(false);
  });

  test('keys and ids are unique', () => {
    expect(duplicates([...base.sources, ...base.papers.map(({ source }) => source)].map(({ key }) => key))).toEqual([]);
    expect(duplicates(claims.map(({ id }) => id))).toEqual([]);
    expect(duplicates(base.models.map(({ id }) => id))).toEqual([]);
  });

  test('every cited source and claim exists', () => {
    const cited = base.models.flatMap((model) => [
      ...model.sources.map(({ source }) => source),
      ...model.corrections.flatMap(({ sources }) => sources.map(({ source }) => source)),
      ...(model.epsilon ? [model.epsilon.source] : []),
      ...(model.statedReason ? [model.statedReason.source] : []),
      ...(model.ablation.source ? [model.ablation.source.source] : []),
    ]);
    expect(cited.filter((key) => !sourcesByKey().has(key))).toEqual([]);
    const used = base.models.flatMap(({ ablation }) => ablation.claims);
    expect(used.filter((id) => !claimsById().has(id))).toEqual([]);
  });

  test('every source that only models cite is cited', () => {
    const text = JSON.stringify(base.models);
    expect(base.sources.filter(({ key }) => !text.includes(`"${key}"`)).map(({ key }) => key)).toEqual([]);
  });

  test('a claim is named after its paper', () => {
    for (const paper of base.papers) {
      for (const { id } of paper.claims) {
        expect(id.split('/')[0]).toBe(paper.source.key);
      }
    }
  });

  test('the ids of norms are those of the catalogue', () => {
    expect([...normIds].sort()).toEqual(normKinds.map(({ id }) => id).sort());
  });

  test('the headline names eight lines of models that exist', () => {
    const ids = new Set(base.models.map(({ id }) => id));
    expect(Object.keys(headlineModels)).toHaveLength(8);
    expect(Object.values(headlineModels).flatMap((line) => line.filter((id) => !ids.has(id)))).toEqual([]);
  });
});

describe('consistency of a model record', () => {
  test.each(base.models.map((model): [string, ModelRecord] => [model.id, model]))('%s', (_, model) => {
    if (model.statedReason) {
      expect(model.reportRead, 'a reason comes from a report that was read').toBe(true);
    }
    if (model.ablation.ofKind) {
      expect(model.ablation.exists).toBe(true);
    }
    expect(model.ablation.source !== null, 'a comparison has a source, none has none').toBe(model.ablation.exists);
    if (!model.ablation.exists) {
      expect(model.ablation.summary).toMatch(/None found in what was searched\.$/);
    }
    const compared = model.ablation.claims.map((id) => claim(id).comparison);
    if (model.ablation.exists) {
      expect(compared.includes('layernorm-vs-rmsnorm')).toBe(model.ablation.ofKind);
    }
  });
});

/** Numbers of a text, without those that are part of a name (`GPT-3`, `Fig. 16`, `int8`, `OLMo 2`, `§4.2`). */
function quotedNumbers(text: string): readonly string[] {
  const withoutNames = text
    .replace(/(GPT|Llama|LLaMA|OLMo|Qwen|Gemma)[- ][\d.]+/g, '')
    .replace(/(Fig\.|Figs\.|Table|Sec\.|§|App\.) ?[\d.–]+/g, '')
    .replace(/newstest\d+|July \d+|\b20\d\d\b|\d+-bit/g, '')
    .replace(/(\d),(\d{3})\b/g, '$1$2');
  return [...withoutNames.matchAll(/(?<![\w.-])\d+(?:\.\d+)?(?:e-?\d+)?(?=[BMk]?\b)[BM]?/g)].map(([number]) => number);
}

function scaled(number: string): number {
  const scale = { B: 1e9, M: 1e6 }[number.slice(-1)] ?? 1;
  return Number.parseFloat(number) * scale;
}

function decimals(number: string): number {
  return /\.(\d+)/.exec(number)?.[1]?.length ?? 0;
}

interface NumericData {
  /** Quoted as they are. */
  readonly exact: readonly number[];
  /** Computed here, so quoted after rounding: changes against the baseline, and shares of one value in another. */
  readonly percentages: readonly number[];
}

function dataOf(entry: Claim): NumericData {
  const row = entry.measurements.flatMap(({ values: row }) => row);
  const inText = [entry.setting.details ?? '', entry.setting.model, entry.setting.hardware ?? ''].flatMap((text) =>
    [...text.replace(/(\d),(\d{3})/g, '$1$2').matchAll(/\d+(?:\.\d+)?[BM]?/g)].map(([number]) => scaled(number)),
  );
  return {
    exact: [
      ...row.flatMap(({ value, spread, printedChangePercent }) => [
        Math.abs(value),
        spread?.amount ?? Number.NaN,
        Math.abs(printedChangePercent ?? Number.NaN),
      ]),
      ...(entry.measurements.some(({ unit }) => unit === 's/1k steps') ? [1000] : []),
      ...inText,
      entry.setting.parameters ?? Number.NaN,
    ],
    percentages: [
      ...entry.measurements.flatMap((measurement) =>
        measurement.values.map((_, i) => Math.abs(changePercent(measurement, i) ?? Number.NaN)),
      ),
      ...row.flatMap((part) => row.map((whole) => (100 * part.value) / whole.value)),
    ],
  };
}

/** Quoted numbers that the data doesn't hold. */
function strangersIn(text: string, data: readonly NumericData[]): readonly string[] {
  const exact = data.flatMap((each) => each.exact);
  const percentages = data.flatMap((each) => each.percentages);
  return quotedNumbers(text).filter((number) => {
    const quoted = scaled(number);
    const isExact = exact.some((value) => Math.abs(value - quoted) <= 1e-9 * Math.abs(quoted));
    const isRounded = percentages.some((value) => Math.abs(value - quoted) <= 0.51 * 10 ** -decimals(number));
    return !isExact && !(isRounded && text.includes(`${number}%`));
  });
}

describe('numbers in prose', () => {
  test('the reader of numbers sees what it must and skips names', () => {
    expect(quotedNumbers('GPT-3 at 1,000 steps: 2.36%, 7B, in int8 (Fig. 16)')).toEqual(['1000', '2.36', '7B']);
    const data = [{ exact: [2.36], percentages: [5.142] }];
    expect(strangersIn('2.36 or 5.1%', data)).toEqual([]);
    expect(strangersIn('2.37 or 5.2% or 5.1', data)).toEqual(['2.37', '5.2', '5.1']);
  });

  test.each(claims.map((entry): [string, Claim] => [entry.id, entry]))('%s quotes its own data', (_, entry) => {
    expect(strangersIn(entry.summary, [dataOf(entry)])).toEqual([]);
  });

  test('comparisons in model records quote the claims they name', () => {
    for (const { id, ablation, corrections } of base.models.filter((model) => model.ablation.claims.length > 0)) {
      const text = [ablation.summary, ...corrections.map(({ why }) => why)].join(' ');
      expect(strangersIn(text, ablation.claims.map(claim).map(dataOf)), id).toEqual([]);
    }
  });

  test('printed percentages agree with the values beside them', () => {
    for (const entry of claims) {
      for (const measurement of entry.measurements) {
        measurement.values.forEach((value, i) => {
          if (value.printedChangePercent !== undefined) {
            const computed = changePercent(measurement, i) ?? Number.NaN;
            expect(Math.abs(computed - value.printedChangePercent), `${entry.id} ${value.variant}`).toBeLessThan(0.06);
          }
        });
      }
    }
  });

  test('the stated direction agrees with the first measurement', () => {
    const decided = claims.filter(
      ({ comparison, direction }) => comparison === 'layernorm-vs-rmsnorm' && /-better$/.test(direction),
    );
    expect(decided.length).toBeGreaterThan(5);
    for (const entry of decided) {
      const first = entry.measurements[0];
      const layerNorm = first?.values.find(({ norm }) => norm === 'layernorm')?.value ?? Number.NaN;
      const rmsNorm = first?.values.find(({ norm }) => norm === 'rmsnorm')?.value ?? Number.NaN;
      const gain = first?.better === 'lower' ? layerNorm - rmsNorm : rmsNorm - layerNorm;
      expect(Math.sign(gain), entry.id).toBe(entry.direction === 'rmsnorm-better' ? 1 : -1);
    }
  });
});

describe('values as printed', () => {
  test('Narang et al., Table 1', () => {
    const table = 'narang2021/table1-rms';
    expect(numbers(table, 'training speed')).toEqual([3.5, 3.68]);
    expect(numbers(table, 'final loss')).toEqual([1.838, 1.821]);
    expect(values(table, 'early loss').map(({ spread }) => spread?.amount)).toEqual([0.005, 0.008]);
    expect(numbers(table, 'SuperGLUE')).toEqual([71.66, 75.45]);
    expect(numbers(table, 'WMT English-German')).toEqual([26.62, 27.14]);
    expect(numbers('narang2021/table1-residual', 'final loss')).toEqual([1.838, 1.939, 1.858, 1.875, 2.067]);
  });

  test('Zhang & Sennrich, Tables 2, 4 and 10', () => {
    expect(numbers('zhang2019/table2', 'training time')).toEqual([665, 501, 493, 399]);
    expect(numbers('zhang2019/table4', 'training time')).toEqual([248, 231, 225, 210]);
    expect(numbers('zhang2019/table10', 'test error')).toEqual([10.49, 8.83, 10.37, 8.96]);
  });

  test('Jiang et al., Table 3, Fig. 4b and Fig. 5', () => {
    expect(paper1VitShares.map(({ preRms }) => preRms)).toEqual([0.9699, 0.985, 0.9012, 0.9873]);
    expect(paper1VitShares.map(({ preCrms }) => preCrms)).toEqual([0.9783, 0.9951, 0.8857, 1.0005]);
    expect(paper1VitTraining.map(({ preRms }) => preRms)).toEqual([0.977, 0.977, 0.983, 0.991, 0.986, 0.989]);
    expect(paper1ReadOff).toBe(0.01);
    expect(paper1GptShares.map((row) => [row.size, row.withoutNorm, row.preLn, row.preRms, row.preCrms])).toEqual([
      ['Small', 0.86, 1, 0.9, 0.89],
      ['Medium', 0.95, 1, 0.97, 0.96],
      ['Large', 0.94, 1, 0.95, 0.95],
      ['XL', 1, 1, 1, 1],
      ['2.7B', 1, 1, 1, 1],
      ['6.7B', 1, 1, 1, 1],
    ]);
  });

  test('others', () => {
    expect(numbers('neox-pr-136/throughput', 'training throughput')).toEqual([33.37, 32.33]);
    expect(numbers('olmo2-2025/reordering', 'spike score of the gradient norm')).toEqual([0.108, 0.069]);
    expect(numbers('dyt2025/eager', 'time of the model, training')).toEqual([42.6, 39.1]);
    expect(numbers('flashnorm2024/fused-swap', 'decoding speed')).toEqual([45, 50.75]);
  });
});
