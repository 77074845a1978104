import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import { byteTokenizer, createTextStream, openTokenizer, type Tokenizer } from './index.ts';

/** Small tokenizers that Hugging Face's `tokenizers` 0.21 trained, with what it encodes: `scripts/record_tokenizers.py`. */
const kinds = ['byte-level', 'sentencepiece'] as const;
const fixture = (name: string) => fileURLToPath(new URL(`../../../test/fixtures/tokenizers/${name}`, import.meta.url));

interface Recorded {
  readonly text: string;
  readonly ids: readonly number[];
  readonly plain: readonly number[];
  readonly decoded: string;
}
const recorded = async (name: string): Promise<readonly Recorded[]> =>
  JSON.parse(await readFile(join(fixture(name), 'recorded.json'), 'utf8'));

/** A copy of a fixture in which JSON files were changed. */
async function changed(name: string, changes: Readonly<Record<string, object>>, remove: readonly string[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(fixture(name), folder, { recursive: true });
  for (const [file, change] of Object.entries(changes)) {
    const value: object = JSON.parse(await readFile(join(folder, file), 'utf8'));
    await writeFile(join(folder, file), JSON.stringify({ ...value, ...change }));
  }
  for (const file of remove) await rm(join(folder, file));
  return folder;
}

async function open(folder: string, vocabularySize: number): Promise<Tokenizer> {
  const tokenizer = await openTokenizer(folder, vocabularySize);
  if (tokenizer === undefined) throw new Error('no tokenizer');
  return tokenizer;
}

describe.each(kinds)('%s', (name) => {
  test('ids and texts are those that Python gives', async () => {
    const tokenizer = await open(fixture(name), 512);
    for (const { text, ids, decoded } of await recorded(name)) {
      expect([...tokenizer.encode(text)], text).toEqual(ids);
      expect(tokenizer.decode(ids), text).toBe(decoded);
    }
  });

  test('pieces, joined, are the text, and none ends within a character', async () => {
    const tokenizer = await open(fixture(name), 512);
    for (const { ids, decoded } of await recorded(name)) {
      const stream = createTextStream(tokenizer);
      const pieces = [...ids.map((id) => stream.push(id)), stream.end()];
      expect(pieces.join('')).toBe(decoded);
      for (const piece of pieces) expect(piece).not.toContain('\ufffd');
    }
  });
});

test('vocab.json and merges.txt say the same as tokenizer.json', async () => {
  const old = await open(await changed('byte-level', {}, ['tokenizer.json', 'tokenizer_config.json']), 400);
  for (const { text, ids } of await recorded('byte-level')) expect([...old.encode(text)]).toEqual(ids);
});

test('a merges.txt that holds no pairs is refused by its line', async () => {
  const garbage = '#version: 0.2\na b\n\n\u0000garbage\n';
  const folder = await changed('byte-level', {}, ['tokenizer.json']);
  await writeFile(join(folder, 'merges.txt'), garbage);
  await expect(openTokenizer(folder, 400)).rejects.toThrow(/merges\.txt: line 4: expected two symbols .*garbage/);
});

test('add_bos_token goes before what the post-processor does', async () => {
  const config = (add_bos_token: boolean | null) => ({ 'tokenizer_config.json': { add_bos_token } });
  const ids = async (name: string, wanted: boolean | null) => [
    ...(await open(await changed(name, config(wanted)), 512)).encode('Hello'),
  ];
  const plain = async (name: string) => (await recorded(name)).find(({ text }) => text === 'Hello world')?.plain ?? [];
  expect((await ids('sentencepiece', null))[0]).toBe(1);
  expect((await ids('sentencepiece', false))[0]).toBe((await plain('sentencepiece'))[0]);
  expect((await ids('byte-level', null))[0]).toBe((await plain('byte-level'))[0]);
  expect((await ids('byte-level', true)).slice(0, 2)).toEqual([0, (await plain('byte-level'))[0]]);
});

test('special tokens and ids that only the model has are no text', async () => {
  const tokenizer = await open(fixture('byte-level'), 512);
  const ids = [...tokenizer.encode('Hi')];
  expect(tokenizer.decode([0, ...ids, 511, 0])).toBe('Hi');
  expect(tokenizer.decode([])).toBe('');
  expect(() => tokenizer.decode([512])).toThrow(RangeError);
});

test('without files: bytes for 256 ids, else none', async () => {
  const folder = await changed('byte-level', {}, ['tokenizer.json', 'merges.txt']);
  expect(await openTokenizer(folder, 256)).toBe(byteTokenizer);
  expect(await openTokenizer(folder, 257)).toBeUndefined();
});

describe('is refused in one line', () => {
  const tooLarge = 'tokenizer.json: the tokenizer has ids up to 399, but the model only 399';
  const cases: readonly (readonly [string, number, object, string])[] = [
    ['a vocabulary larger than the model', 399, {}, tooLarge],
    ['no model', 512, { model: null }, 'tokenizer.json: model: '],
    ['an unknown model', 512, { model: { type: 'Nonsense' } }, 'is no tokenizer that can be used'],
    ['an unknown pre-tokenizer', 512, { pre_tokenizer: { type: 'Nonsense' } }, 'is no tokenizer that can be used'],
    ['an added token without an id', 512, { added_tokens: [{ content: 'x' }] }, 'tokenizer.json: added_tokens.0.id: '],
    ['an empty vocabulary', 512, { model: { type: 'BPE', vocab: {}, merges: [] }, added_tokens: [] }, 'is empty'],
  ];
  test.each(cases)('%s', async (_, size, change, message) => {
    const opening = open(await changed('byte-level', { 'tokenizer.json': change }), size);
    await expect(opening).rejects.toMatchObject({ name: 'InputError', message: expect.stringContaining(message) });
    await expect(opening).rejects.toMatchObject({ message: expect.not.stringContaining('\n') });
  });

  test('a text that holds an added token beyond the model', async () => {
    const added_tokens = [{ id: 400, content: '[PAD]', special: true }];
    const tokenizer = await open(await changed('byte-level', { 'tokenizer.json': { added_tokens } }), 400);
    expect([...tokenizer.encode('pad')]).not.toContain(400);
    expect(() => tokenizer.encode('a [PAD]')).toThrow('the text holds "[PAD]" with id 400, but the model has only 400');
  });
});

test('a stream of bytes holds what is no whole character yet, and no more', () => {
  const stream = createTextStream(byteTokenizer);
  const bytes = [0x61, 0xff, 0xe2, 0x82, 0xac, 0xf0, 0x9f];
  expect(bytes.map((id) => stream.push(id))).toEqual(['a', '', '\ufffd', '', '€', '', '']);
  expect(stream.end()).toBe('\ufffd');
  expect(stream.end()).toBe('');
});
