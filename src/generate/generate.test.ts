import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { InterruptedError } from '../core/errors.ts';
import { byteTokenizer, type Tokenizer } from '../text/index.ts';
import type { DecodingSession } from './decoder.ts';
import { endIdsOf } from './endIds.ts';
import { type GenerateOptions, type GenerationEnd, generate } from './generate.ts';
import { fakeSession } from './session.fixture.ts';
import { createStopFilter } from './stopTexts.ts';

/** All that is generated: ids, pieces of text, the end. */
async function collect(session: DecodingSession, tokenizer: Tokenizer | undefined, options: GenerateOptions) {
  const ids: number[] = [];
  const pieces: string[] = [];
  let end: GenerationEnd | undefined;
  for await (const event of generate(session, tokenizer, options)) {
    expect(end).toBeUndefined();
    pieces.push(event.text);
    if (event.kind === 'token') ids.push(event.id);
    else end = event;
  }
  return { ids, pieces, text: pieces.join(''), reason: end?.reason, timings: end?.timings };
}

/** Says `text` after a prompt of one token, over and over. */
const reciting = (text: string, context = 64) => {
  const bytes = byteTokenizer.encode(text);
  return fakeSession((ids) => bytes[(ids.length - 1) % bytes.length] ?? 0, { context });
};

describe('generate', () => {
  test('feeds the prompt at once, then one token after the other, not the last one', async () => {
    const session = fakeSession((ids) => (ids.at(-1) ?? 0) + 1);
    const { ids, reason } = await collect(session, undefined, { prompt: [1, 2, 3], maxTokens: 3 });
    expect({ ids, reason, feeds: session.feeds }).toEqual({
      ids: [4, 5, 6],
      reason: 'max_tokens',
      feeds: [[1, 2, 3], [4], [5]],
    });
  });

  test('fills the context to its last position', async () => {
    const session = fakeSession((ids) => ids.length, { context: 5 });
    const { ids, reason } = await collect(session, undefined, { prompt: [9, 9], maxTokens: 100 });
    expect({ ids, reason, length: session.length }).toEqual({ ids: [2, 3, 4, 5], reason: 'context_full', length: 5 });
  });

  test('goes on in a session that was fed before', async () => {
    const session = fakeSession((ids) => ids.reduce((a, b) => a + b), { context: 9 });
    await session.feed([5]);
    expect((await collect(session, undefined, { prompt: [1], maxTokens: 1 })).ids).toEqual([6]);
  });

  test('an end id ends the text and is no part of it', async () => {
    const { ids, text, reason } = await collect(reciting('ab\0cd'), byteTokenizer, {
      prompt: [0],
      endIds: new Set([7, 0]),
    });
    expect({ ids, text, reason }).toEqual({ ids: [97, 98], text: 'ab', reason: 'end_id' });
  });

  test('a stop text ends the text before it, also across tokens', async () => {
    const { text, pieces, reason } = await collect(reciting('one.\n two.\n\nthree'), byteTokenizer, {
      prompt: [0],
      stop: ['\n\n', 'tree'],
    });
    expect({ text, reason }).toEqual({ text: 'one.\n two.', reason: 'stop_text' });
    expect(pieces.slice(0, 6)).toEqual(['o', 'n', 'e', '.', '', '\n ']);
  });

  test('what was held back comes at the end', async () => {
    const held = await collect(reciting('a€'), byteTokenizer, { prompt: [0], maxTokens: 3, stop: ['a€!'] });
    expect(held).toMatchObject({ text: 'a\ufffd', reason: 'max_tokens' });
    const whole = await collect(reciting('a€'), byteTokenizer, { prompt: [0], maxTokens: 4 });
    expect(whole.pieces).toEqual(['a', '', '', '€', '']);
  });

  test('no tokens are asked for', async () => {
    const { ids, reason } = await collect(reciting('a'), byteTokenizer, { prompt: [0], maxTokens: 0 });
    expect({ ids, reason }).toEqual({ ids: [], reason: 'max_tokens' });
  });

  test('the same seed gives the same tokens, another one others', async () => {
    const flat = () => fakeSession(() => -1);
    const draw = async (seed: number) =>
      (await collect(flat(), undefined, { prompt: [0], maxTokens: 20, temperature: 1, seed })).ids;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });

  test('timings count what was fed', async () => {
    let time = 0;
    const { timings } = await collect(reciting('abc'), undefined, {
      prompt: [0, 0, 0, 0],
      maxTokens: 6,
      now: () => (time += 500),
    });
    expect(timings).toEqual({ prefillTokens: 4, prefillSeconds: 0.5, decodeTokens: 5, decodeSeconds: 2.5 });
  });

  test('an abort ends it between two tokens with its reason', async () => {
    const controller = new AbortController();
    const ids: number[] = [];
    const run = async () => {
      for await (const event of generate(reciting('abc'), undefined, { prompt: [0], signal: controller.signal })) {
        if (event.kind === 'token') ids.push(event.id);
        if (ids.length === 2) controller.abort(new InterruptedError('interrupted by SIGINT'));
      }
    };
    await expect(run()).rejects.toThrow(InterruptedError);
    expect(ids).toHaveLength(2);
  });
});

describe('generate refuses', () => {
  const cases: readonly (readonly [string, GenerateOptions, string])[] = [
    ['an empty prompt', { prompt: [] }, 'the prompt is empty'],
    ['a prompt longer than the context', { prompt: Array(65).fill(1) }, 'has 65 tokens, but the model'],
    ['a number of tokens below 0', { prompt: [1], maxTokens: -1 }, 'at most -1 tokens'],
    ['a stop text without a tokenizer', { prompt: [1], stop: ['x'] }, 'needs a tokenizer'],
    ['sampling options out of range', { prompt: [1], topK: 0 }, 'top k is 0'],
  ];
  test.each(cases)('%s', async (_, options, message) => {
    const session = reciting('a');
    await expect(collect(session, undefined, options)).rejects.toThrow(message);
    expect(session.feeds).toEqual([]);
  });

  test('an empty stop text', async () => {
    await expect(collect(reciting('a'), byteTokenizer, { prompt: [1], stop: [''] })).rejects.toThrow('is empty');
  });

  test('a NaN among the logits', async () => {
    const session = { ...reciting('a'), length: 0, feed: async () => Float32Array.of(0, Number.NaN) };
    await expect(collect(session, undefined, { prompt: [1] })).rejects.toThrow('the logit of id 1 is NaN');
  });
});

test('a stop filter puts out all before the first stop text, however the text comes', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
  const stop = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(letters, fc.array(stop, { maxLength: 3 }), fc.array(fc.nat(5)), (text, stops, lengths) => {
      const filter = createStopFilter(stops);
      let given = '';
      let stopped = false;
      let start = 0;
      for (const length of [...lengths, text.length]) {
        if (stopped) break;
        const result = filter.push(text.slice(start, start + length));
        start += length;
        given += result.text;
        stopped = result.stopped;
      }
      if (!stopped) given += filter.end();
      const places = stops.map((some) => text.indexOf(some)).filter((place) => place >= 0);
      const seen = text.slice(0, start);
      const inSeen = stops.some((some) => seen.includes(some));
      expect(stopped).toBe(inSeen);
      // In pieces, a stop text that ends earlier comes first, even if it begins later.
      if (!inSeen) expect(given).toBe(seen);
      else expect(stops.some((some) => text.startsWith(given + some))).toBe(true);
      if (places.length === 0) expect(given).toBe(text);
    }),
  );
});

test('end ids come from generation_config.json, else from config.json', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const ids = async (config: Readonly<Record<string, unknown>>, own?: unknown) => {
    if (own !== undefined) await writeFile(join(folder, 'generation_config.json'), JSON.stringify(own));
    return [...(await endIdsOf({ folder, config }))];
  };
  expect(await ids({})).toEqual([]);
  expect(await ids({ eos_token_id: 2 })).toEqual([2]);
  expect(await ids({ eos_token_id: null })).toEqual([]);
  expect(await ids({ eos_token_id: 2 }, { eos_token_id: [3, 4] })).toEqual([3, 4]);
  expect(await ids({ eos_token_id: 2 }, { max_length: 20 })).toEqual([2]);
  await expect(ids({}, { eos_token_id: 'end' })).rejects.toThrow('eos_token_id is neither an id nor a list of ids');
});
