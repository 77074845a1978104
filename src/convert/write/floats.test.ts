import fc from 'fast-check';
import { expect, test } from 'vitest';
import { configText } from './floats.ts';

test('whole numbers are floats where the source writes them so', () => {
  const source =
    '{"rope_theta":10000.0, "rope_scaling" : {"type": "linear", "factor": 2.0}, "n": 2, "eps": 1e-05, "big": 1E3}';
  const config = { ...JSON.parse(source), factor: 3, added: { text: '"factor": 2', n: 2 } };
  expect(configText(config, source)).toBe(`{
  "rope_theta": 10000.0,
  "rope_scaling": {
    "type": "linear",
    "factor": 2.0
  },
  "n": 2,
  "eps": 0.00001,
  "big": 1E3,
  "factor": 3,
  "added": {
    "text": "\\"factor\\": 2",
    "n": 2
  }
}
`);
});

test('what it means is what it was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (config, other) => {
      const source = JSON.stringify(other).replace(/(\d)(?=[,}])/g, '$1.0');
      expect(JSON.parse(configText(config, source))).toEqual(JSON.parse(JSON.stringify(config)));
      expect(JSON.parse(configText(config, JSON.stringify(config)))).toEqual(JSON.parse(JSON.stringify(config)));
    }),
  );
});
