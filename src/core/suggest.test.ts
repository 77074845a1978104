import { expect, it } from 'vitest';
import { quote } from './quote.ts';
import { didYouMean, suggestNearest } from './suggest.ts';

it('suggests the nearest name, whatever its case', () => {
  const norms = ['layernorm', 'rmsnorm', 'crmsnorm', 'RMSNormPartial'];
  expect(suggestNearest('rmsnrm', norms)).toBe('rmsnorm');
  expect(suggestNearest('RMSNORM', norms)).toBe('rmsnorm');
  expect(suggestNearest('rmsnormpartail', norms)).toBe('RMSNormPartial');
  expect(didYouMean('layer_norm', norms)).toBe(' (did you mean "layernorm"?)');
});

it('suggests nothing where nothing is near', () => {
  expect(suggestNearest('dyt', ['layernorm', 'rmsnorm'])).toBeUndefined();
  expect(suggestNearest('dyt', [])).toBeUndefined();
  expect(didYouMean('', ['layernorm'])).toBe('');
});

it('quotes untrusted text on one line, without control characters, shortened', () => {
  expect(quote('a"b\n\u001b[31m\u009b\u2028\u202e')).toBe('"a\\"b\\n\\u001b[31m\\u009b\\u2028\\u202e"');
  expect(quote('x'.repeat(1e6)).length).toBeLessThan(130);
});
