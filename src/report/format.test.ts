import { describe, expect, it } from 'vitest';
import {
  confidenceInterval,
  duration,
  enumeration,
  fixed,
  percent,
  plural,
  pValue,
  quantity,
  scientific,
  signed,
  significant,
} from './format.ts';

describe('numbers', () => {
  it('have a true minus sign, and none at zero', () => {
    expect([fixed(-1234.5, 2), fixed(-0.00001, 2), signed(0.00001, 2), signed(0.25, 1), signed(-3, 0)]).toEqual([
      '−1,234.50',
      '0.00',
      '0.00',
      '+0.3',
      '−3',
    ]);
  });

  it('keep significant digits at any magnitude', () => {
    expect([0, 0.012345, 9.996, 12.34, 1234, 123_456, 0.0000021].map((value) => significant(value))).toEqual([
      '0',
      '0.0123',
      '10.00',
      '12.3',
      '1,230',
      '123,000',
      '2.10 × 10⁻⁶',
    ]);
  });

  it('are written in powers of ten', () => {
    expect([scientific(3.44e-14), scientific(0), scientific(-2e12)]).toEqual(['3.4 × 10⁻¹⁴', '0', '−2.0 × 10¹²']);
  });

  it('are written with their units', () => {
    expect([percent(0.0314), percent(-0.5, 0), quantity(880_000), quantity(1.3e9), quantity(12_300)]).toEqual([
      '3.1%',
      '−50%',
      '0.88 million',
      '1.3 billion',
      '12,300',
    ]);
    expect([0.4, 59.6, 60, 200, 5025, 7200].map(duration)).toEqual([
      '0 s',
      '1 min',
      '1 min',
      '3 min 20 s',
      '1 h 23 min',
      '2 h',
    ]);
  });

  it('never call a p-value zero', () => {
    expect([pValue(0), pValue(0.00099), pValue(0.0123), pValue(0.412)]).toEqual([
      'p < 0.001',
      'p < 0.001',
      'p = 0.012',
      'p = 0.41',
    ]);
    expect(confidenceInterval([-1, 2], (end) => signed(end, 1), 0.9)).toBe('90% CI −1.0 to +2.0');
  });

  it('agree with their nouns', () => {
    expect([
      plural(1, 'seed'),
      plural(3, 'seed'),
      enumeration([]),
      enumeration(['a']),
      enumeration(['a', 'b', 'c']),
    ]).toEqual(['one seed', '3 seeds', '', 'a', 'a, b and c']);
  });
});
