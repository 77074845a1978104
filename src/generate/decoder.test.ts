import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluate, makeValue } from '../graph/index.ts';
import { buildDecoder, type Model, openModel, readParameters } from '../models/index.ts';
import { type DecodingSession, openDecodingSession } from './index.ts';

const golden = join(import.meta.dirname, '../../test/fixtures/golden');

async function withModel<T>(name: string, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await openModel(join(golden, name));
  try {
    return await use(model);
  } finally {
    await model.checkpoint.close();
  }
}

/** The logits of the last position in float64, in one pass. */
async function lastLogits(model: Model, ids: readonly number[]): Promise<Float64Array> {
  const { logits } = buildDecoder(model.spec, { batch: 1, sequence: ids.length, storage: model.storage });
  const feeds = { ...(await readParameters(model)), input_ids: makeValue('int', [1, ids.length], ids) };
  return evaluate([logits], feeds)[0]?.data.slice(-model.spec.vocabularySize) ?? new Float64Array();
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a).toHaveLength(b.length);
  return Array.from(a).reduce((largest, value, i) => Math.max(largest, Math.abs(value - (b[i] ?? Number.NaN))), 0);
}

const ids = Array.from({ length: 24 }, (_, i) => (i * 37 + 11) % 96);

describe('prefill, then token after token, in the engine', () => {
  test.each([
    ['gpt2', 'learned positions'],
    ['llama_gqa_tied', 'rotary positions, shared keys'],
    ['bloom', 'ALiBi, a norm on the embeddings'],
    ['falcon_rw_arch', 'ALiBi rounded to bfloat16'],
    ['gemma2', 'windows and capped scores'],
    ['cohere2', 'layers that do not rotate'],
    ['mistral_window', 'a window'],
  ])('%s: %s', async (name) => {
    await withModel(name, async (model) => {
      const session = await openDecodingSession(model, { context: ids.length, threads: 1 });
      try {
        const expected = await lastLogits(model, ids);
        const size = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
        for (const prompt of [1, 13, ids.length]) {
          session.reset();
          let logits = await session.feed(ids.slice(0, prompt));
          for (const id of ids.slice(prompt)) logits = await session.feed([id]);
          expect(session.length).toBe(ids.length);
          expect(largestDifference(logits, expected)).toBeLessThan(1e-5 * size);
        }
      } finally {
        await session.release();
      }
    });
  });
});

test('a long sequence is cut into pieces and outgrows the first slots', async () => {
  const long = Array.from({ length: 700 }, (_, i) => (i * 37 + 11) % 96);
  await withModel('llama', async (opened) => {
    const model = { ...opened, spec: { ...opened.spec, maxPositions: null } };
    const session = await openDecodingSession(model, { context: long.length, threads: 1 });
    try {
      let logits = await session.feed(long.slice(0, 600));
      for (const id of long.slice(600)) logits = await session.feed([id]);
      expect(largestDifference(logits, await lastLogits(model, long))).toBeLessThan(1e-4);
    } finally {
      await session.release();
    }
  });
});

describe('what cannot be fed', () => {
  let session: DecodingSession;
  beforeAll(async () => {
    session = await withModel('gpt2', (model) => openDecodingSession(model, { context: 8, threads: 1 }));
  });
  afterAll(() => session.release());

  test.each([
    ['no ids', [], 'no ids to feed'],
    ['an id beyond the vocabulary', [1, 4000], 'the id 4000 is not in the vocabulary'],
    ['a negative id', [-1], 'the id -1 is not in the vocabulary'],
    ['a fraction', [1.5], 'the id 1.5 is not in the vocabulary'],
    ['too many', Array(9).fill(1), '9 ids after 0 others do not fit the context of 8 positions'],
  ])('%s', async (_, given, message) => {
    await expect(session.feed(given)).rejects.toThrow(message);
    expect(session.length).toBe(0);
  });

  test('one more than fits, after others', async () => {
    await session.feed([1, 2, 3, 4, 5, 6, 7, 8]);
    await expect(session.feed([9])).rejects.toThrow('1 ids after 8 others');
    session.reset();
    expect(await session.feed([1])).toHaveLength(session.vocabularySize);
  });

  test('anything after an interrupt', async () => {
    session.reset();
    await expect(session.feed([1, 2], AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(session.length).toBe(0);
  });

  test('a context longer than the positions', async () => {
    await withModel('gpt2', async (model) => {
      await expect(openDecodingSession(model, { context: 10_000 })).rejects.toThrow('10000 were asked for');
    });
  });
});

test('more positions than tables can hold are refused, also where a model sets no limit', async () => {
  const work = withModel('bloom', (model) => openDecodingSession(model, { context: Number.MAX_SAFE_INTEGER }));
  await expect(work).rejects.toThrow('9007199254740991 positions for the prompt and what follows are too many');
});
