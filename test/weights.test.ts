/**
 * Two trained models, which are too large for this repository, write what they should. `NORMLAB_WEIGHTS` names the folder
 * that holds `stories260K/` (karpathy/tinyllamas) and `gpt-nano-sort/` (bbycroft/llm-viz), each with the model in `hf/`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createRandom } from '../src/core/random.ts';
import { type DecodingSession, generate, openDecodingSession } from '../src/generate/index.ts';
import { openModel } from '../src/models/index.ts';
import type { Tokenizer } from '../src/text/index.ts';

const folder = process.env.NORMLAB_WEIGHTS;

async function openSession(name: string, context: number): Promise<DecodingSession> {
  const model = await openModel(join(folder ?? '', name, 'hf'));
  return openDecodingSession(model, { context, threads: 1 }).finally(() => model.checkpoint.close());
}

async function greedy(session: DecodingSession, prompt: readonly number[], maxTokens: number, tokenizer?: Tokenizer) {
  session.reset();
  const ids: number[] = [];
  let text = '';
  for await (const event of generate(session, tokenizer, { prompt, maxTokens })) {
    if (event.kind === 'token') ids.push(event.id);
    text += event.text;
  }
  return { ids, text };
}

/**
 * The decoding half of llama2.c's tokenizer file: the longest token's length, then for each token a float32 score, a length
 * and so many bytes. `<0x0A>` is a byte; the first word loses its space.
 */
function readLlama2cTokenizer(bytes: Buffer): Tokenizer {
  const pieces: Buffer[] = [];
  for (let at = 4; at < bytes.length; ) {
    const length = bytes.readInt32LE(at + 4);
    const piece = bytes.subarray(at + 8, at + 8 + length);
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece.toString('latin1'))?.[1];
    pieces.push(byte === undefined ? piece : Buffer.from(byte, 'hex'));
    at += 8 + length;
  }
  return {
    name: 'tok512',
    vocabularySize: pieces.length,
    encode: () => [1],
    decode: (ids) =>
      Buffer.concat(Array.from(ids, (id) => pieces[id] ?? Buffer.alloc(0)))
        .toString('utf8')
        .replace(/^ /, ''),
  };
}

describe.skipIf(folder === undefined)('trained models (NORMLAB_WEIGHTS)', () => {
  test('stories260K tells its story to the letter', async () => {
    const session = await openSession('stories260K', 512);
    const tokenizer = readLlama2cTokenizer(await readFile(join(folder ?? '', 'stories260K', 'tok512.bin')));
    const reference = await readFile(join(folder ?? '', 'stories260K', 'reference_greedy.txt'), 'utf8');
    // llama2.c runs for 256 tokens unless told otherwise, and ends the line.
    const { text } = await greedy(session, [1], 256, tokenizer);
    await session.release();
    expect(`${text}\n`).toBe(reference);
  });

  test('gpt-nano-sort sorts 200 of 200', async () => {
    const session = await openSession('gpt-nano-sort', 11);
    const random = createRandom('gpt-nano-sort');
    const wrong: unknown[] = [];
    for (let i = 0; i < 200; i++) {
      const prompt = Array.from({ length: 6 }, () => random.integer(3));
      const { ids } = await greedy(session, prompt, 6);
      if (ids.join() !== [...prompt].sort((a, b) => a - b).join()) wrong.push({ prompt, ids });
    }
    await session.release();
    expect(wrong).toEqual([]);
  });
});
