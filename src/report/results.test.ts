import { describe, expect, it } from 'vitest';
import { InputError } from '../core/errors.ts';
import { syntheticResults, without } from './results.fixture.ts';
import { parseResults, type StudyResults } from './results.ts';

const results = syntheticResults();

/** The fixture with the value at a path replaced, as it would come out of a file. */
function broken(path: readonly (string | number)[], value: unknown): unknown {
  const copy: unknown = structuredClone(results);
  let place = copy;
  for (const key of path.slice(0, -1)) place = Reflect.get(Object(place), key);
  Reflect.set(Object(place), path.at(-1) ?? '', value);
  return copy;
}

function refusal(value: unknown): string {
  try {
    parseResults(value);
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return error instanceof Error ? error.message : '';
  }
  throw new Error('was accepted');
}

describe('parseResults', () => {
  it('accepts complete results, results with parts left out, and both after a round trip through JSON', () => {
    for (const value of [results, without(results, 'training', 'speed', 'conversions', 'evidence')]) {
      expect(parseResults(value)).toEqual(value);
      expect(parseResults(JSON.parse(JSON.stringify(value)))).toEqual(value);
    }
  });

  const cases: readonly (readonly [string, readonly (string | number)[], unknown, string])[] = [
    ['another version', ['schemaVersion'], 1, '.schemaVersion'],
    ['a key that nobody knows', ['speed', 'gflops'], 1, '.speed'],
    ['NaN', ['training', 'norms', 0, 'meanFinalLoss'], Number.NaN, '.training.norms[0].meanFinalLoss'],
    ['infinity', ['speed', 'matmulGflops'], Number.POSITIVE_INFINITY, '.speed.matmulGflops'],
    ['a string for a number', ['elapsedSeconds'], '12', '.elapsedSeconds'],
    [
      'a script for a link',
      ['evidence', 'rows', 0, 'source', 'url'],
      'javascript:alert(1)',
      '.evidence.rows[0].source.url',
    ],
    ['an agreement above one', ['conversions', 0, 'certificate', 'run', 'top1Agreement'], 1.01, 'top1Agreement'],
    ['a part that is missing without a reason', ['speed'], null, '.notMeasured.speed'],
    ['a reason for a part that is there', ['notMeasured', 'speed'], 'skipped', '.notMeasured.speed'],
    [
      'an interval without its value',
      ['training', 'norms', 1, 'paired', 'ci'],
      [0.1, 0.2],
      '.training.norms[1].paired.ci',
    ],
    [
      'an interval below its value',
      ['speed', 'shares', 0, 'normShare', 'ci'],
      [0, 0.01],
      '.speed.shares[0].normShare.ci',
    ],
    [
      'an interval upside down',
      ['speed', 'ops', 1, 'ratioToLayerNorm', 'ci'],
      [0.8, 0.6],
      '.speed.ops[1].ratioToLayerNorm.ci',
    ],
    [
      'equivalence that its p-value denies',
      ['training', 'norms', 1, 'paired', 'equivalence', 'pValue'],
      0.2,
      'equivalent',
    ],
    ['more pairs than runs', ['training', 'norms', 1, 'paired', 'n'], 6, '.paired.n'],
    ['a seed twice', ['training', 'seeds'], [1, 1, 2, 3, 4, 5], '.training.seeds'],
    ['a run of a seed that was not planned', ['training', 'norms', 2, 'runs', 0, 'seed'], 99, '.runs[0].seed'],
    ['a diverged run with a final loss', ['training', 'norms', 2, 'runs', 0, 'diverged'], true, '.runs[0]'],
    ['no baseline', ['training', 'norms', 0, 'id'], 'other', '.training.norms'],
    [
      'more large comparisons than comparisons',
      ['evidence', 'summary', 'comparisonsAtOneBillion'],
      4,
      'comparisonsAtOneBillion',
    ],
    ['more users than models', ['evidence', 'summary', 'rmsNorm'], 5, '.evidence.summary.models'],
    ['a share without LayerNorm', ['speed', 'shares', 0, 'norms', 0, 'norm'], 'other', '.speed.shares[0].norms'],
  ];
  it.each(cases)('refuses %s in one line that names the field', (_, path, value, field) => {
    const message = refusal(broken(path, value));
    expect(message).toContain(field);
    expect(message).not.toContain('\n');
  });

  it.each([null, 1, 'x', [], {}])('refuses %j', (value) => {
    expect(refusal(value)).toMatch(/^report: results/);
  });

  it('gives a type that takes readonly data', () => {
    const readonlyCommands: StudyResults = { ...results, commands: Object.freeze(['normlab study']) };
    expect(parseResults(readonlyCommands).commands).toEqual(['normlab study']);
  });
});
