import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { GgufMetadata } from '../../../checkpoint/index.ts';
import { readJson } from '../../../core/files.ts';
import type { Model } from '../../../models/index.ts';

export interface GgufVocabulary {
  readonly metadata: GgufMetadata;
  /** A sentence for users where the file's tokens mean nothing. */
  readonly note: string | undefined;
}

/** llama.cpp's codes of what a token is. */
const tokenTypes = { normal: 1, unknown: 2, control: 3, userDefined: 4, unused: 5, byte: 6 } as const;

/** What `tokenizer_config.json` says goes before what `tokenizer.json` does. */
const configSchema = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: z.union([z.string(), z.looseObject({ content: z.string() }).transform((t) => t.content)]).nullish(),
});

const template = z.looseObject({
  type: z.literal('TemplateProcessing'),
  single: z.array(z.looseObject({ SpecialToken: z.looseObject({ id: z.string() }).optional() })),
});

const schema = z.looseObject({
  model: z.looseObject({
    type: z.literal('BPE'),
    vocab: z.record(z.string(), z.int().nonnegative()),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
    byte_fallback: z.boolean().nullish(),
    unk_token: z.string().nullish(),
    dropout: z.null().optional(),
    continuing_subword_prefix: z.literal('').nullish(),
    end_of_word_suffix: z.literal('').nullish(),
    ignore_merges: z.boolean().nullish(),
  }),
  added_tokens: z
    .array(z.looseObject({ id: z.int().nonnegative(), content: z.string(), special: z.boolean() }))
    .nullish(),
  normalizer: z.unknown(),
  pre_tokenizer: z.unknown(),
  post_processor: z.unknown(),
});

type Tokenizer = z.infer<typeof schema>;

/**
 * The tokens of a model's `tokenizer.json` as llama.cpp takes them, where it splits texts as that file says; else a token for
 * each id, `[7]`, which llama.cpp's bindings don't load a model without, and a note.
 */
export async function ggufVocabulary({ folder, spec, config }: Model): Promise<GgufVocabulary> {
  const count = spec.vocabularySize;
  const path = join(folder, 'tokenizer.json');
  const ids = specialIds(config, count);
  if (!existsSync(path))
    return placeholders(count, ids, 'the source has no tokenizer.json (save_pretrained of transformers writes one)');
  const { data } = schema.safeParse(await readJson(path));
  if (data === undefined)
    return placeholders(count, ids, 'tokenizer.json describes no byte-level or SentencePiece BPE');
  const method = methodOf(data);
  if (method === undefined)
    return placeholders(count, ids, 'tokenizer.json splits texts in a way that llama.cpp has no name for');
  const table = tokenTable(data, count, method.model === 'llama');
  if (table === undefined) return placeholders(count, ids, 'tokenizer.json has more tokens than the model ids');
  const { tokens, types } = table;
  const merges = data.model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  const first = await startOf(data, join(folder, 'tokenizer_config.json'));
  const begin = first === undefined ? undefined : tokens.indexOf(first);
  return {
    note: undefined,
    metadata: {
      'tokenizer.ggml.model': { type: 'string', value: method.model },
      'tokenizer.ggml.pre': { type: 'string', value: method.pre },
      'tokenizer.ggml.tokens': { type: 'strings', value: tokens },
      'tokenizer.ggml.token_type': { type: 'int32s', value: types },
      ...(method.model === 'llama'
        ? { 'tokenizer.ggml.scores': { type: 'float32s' as const, value: scoresOf(tokens, merges) } }
        : { 'tokenizer.ggml.merges': { type: 'strings' as const, value: merges } }),
      ...ids,
      ...(begin === undefined || begin < 0
        ? {}
        : { 'tokenizer.ggml.bos_token_id': { type: 'uint32' as const, value: begin } }),
      'tokenizer.ggml.add_bos_token': { type: 'bool', value: first !== undefined },
      ...(method.model === 'llama'
        ? { 'tokenizer.ggml.add_space_prefix': { type: 'bool' as const, value: true } }
        : {}),
    },
  };
}

function placeholders(count: number, ids: GgufMetadata, reason: string): GgufVocabulary {
  return {
    note: `The file’s vocabulary is a stand-in that takes and gives ids, not texts: ${reason}.`,
    metadata: {
      'tokenizer.ggml.model': { type: 'string', value: 'gpt2' },
      'tokenizer.ggml.pre': { type: 'string', value: 'gpt-2' },
      'tokenizer.ggml.tokens': { type: 'strings', value: Array.from({ length: count }, (_, id) => `[${id}]`) },
      'tokenizer.ggml.token_type': { type: 'int32s', value: new Int32Array(count).fill(tokenTypes.normal) },
      'tokenizer.ggml.merges': { type: 'strings', value: [] },
      ...ids,
      'tokenizer.ggml.add_bos_token': { type: 'bool', value: false },
    },
  };
}

function specialIds(config: Model['config'], count: number): GgufMetadata {
  const names = { bos: 'bos_token_id', eos: 'eos_token_id', padding: 'pad_token_id' };
  return Object.fromEntries(
    Object.entries(names).flatMap(([name, key]) => {
      const value = config[key];
      const id: unknown = Array.isArray(value) ? value[0] : value;
      const isId = typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < count;
      return isId ? [[`tokenizer.ggml.${name}_token_id`, { type: 'uint32' as const, value: id }]] : [];
    }),
  );
}

interface Method {
  readonly model: 'gpt2' | 'llama';
  /** llama.cpp's name of how a text is split before merging. */
  readonly pre: string;
}

const words = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+";
const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** The ways to split that llama.cpp has the same patterns for. */
const preTokenizers: readonly (readonly [string, z.ZodType])[] = [
  ['gpt-2', byteLevel(true)],
  [
    'starcoder',
    sequence(z.looseObject({ type: z.literal('Digits'), individual_digits: z.literal(true) }), byteLevel(true)),
  ],
  ['qwen2', sequence(split(`${words}|\\p{N}|${rest}`), byteLevel(false))],
  ['llama-bpe', sequence(split(`${words}|\\p{N}{1,3}|${rest}`), byteLevel(false))],
];

function byteLevel(usesRegex: boolean): z.ZodType {
  const flag = usesRegex ? z.literal(true).default(true) : z.literal(false);
  return z.looseObject({ type: z.literal('ByteLevel'), add_prefix_space: z.literal(false), use_regex: flag });
}

function split(pattern: string): z.ZodType {
  return z.looseObject({
    type: z.literal('Split'),
    pattern: z.strictObject({ Regex: z.literal(pattern) }),
    behavior: z.literal('Isolated'),
    invert: z.literal(false),
  });
}

function sequence(first: z.ZodType, second: z.ZodType): z.ZodType {
  return z.looseObject({ type: z.literal('Sequence'), pretokenizers: z.tuple([first, second]) });
}

/** SentencePiece's spaces: one before the text, and all of them as ▁. */
const spaces = z.looseObject({
  type: z.literal('Sequence'),
  normalizers: z.tuple([
    z.looseObject({ type: z.literal('Prepend'), prepend: z.literal('▁') }),
    z.looseObject({
      type: z.literal('Replace'),
      pattern: z.strictObject({ String: z.literal(' ') }),
      content: z.literal('▁'),
    }),
  ]),
});

/** Texts are nearly always in this form already; llama.cpp doesn't bring them into it. */
const composed = z.looseObject({ type: z.literal('NFC') });

function methodOf({ model, normalizer, pre_tokenizer: preTokenizer }: Tokenizer): Method | undefined {
  const isPlain = preTokenizer === null || preTokenizer === undefined;
  if (model.byte_fallback === true) {
    return isPlain && spaces.safeParse(normalizer).success ? { model: 'llama', pre: 'default' } : undefined;
  }
  const isUnchanged = normalizer === null || normalizer === undefined || composed.safeParse(normalizer).success;
  const pre = preTokenizers.find(([, pattern]) => pattern.safeParse(preTokenizer).success)?.[0];
  return pre === undefined || !isUnchanged ? undefined : { model: 'gpt2', pre };
}

function tokenTable({ model, added_tokens: added }: Tokenizer, count: number, hasBytes: boolean) {
  const tokens = Array.from({ length: count }, (_, id) => `[PAD${id}]`);
  const types = new Int32Array(count).fill(tokenTypes.unused);
  for (const [token, id] of Object.entries(model.vocab)) {
    if (id >= count) return undefined;
    tokens[id] = token;
    types[id] = hasBytes && /^<0x[0-9A-F]{2}>$/.test(token) ? tokenTypes.byte : tokenTypes.normal;
  }
  for (const { id, content, special } of added ?? []) {
    // Padding beyond the model's ids is no token of its own.
    if (id >= count) continue;
    tokens[id] = content;
    types[id] = special ? tokenTypes.control : tokenTypes.userDefined;
    if (special && content === model.unk_token) types[id] = tokenTypes.unknown;
  }
  return { tokens, types };
}

/** llama.cpp merges what gives the token with the highest score: the token of the earliest merge. */
function scoresOf(tokens: readonly string[], merges: readonly string[]): Float32Array {
  const rank = new Map<string, number>();
  for (const [i, merge] of merges.entries()) {
    const token = merge.replace(' ', '');
    if (!rank.has(token)) rank.set(token, i);
  }
  return Float32Array.from(tokens, (token) => -(rank.get(token) ?? merges.length));
}

/** The special token that a text begins with, where the files say so. */
async function startOf({ post_processor: processor }: Tokenizer, configPath: string): Promise<string | undefined> {
  const config = existsSync(configPath) ? configSchema.safeParse(await readJson(configPath)).data : undefined;
  if (config?.add_bos_token === false) return undefined;
  if (config?.add_bos_token === true && typeof config.bos_token === 'string') return config.bos_token;
  const several = z.looseObject({ type: z.literal('Sequence'), processors: z.array(z.unknown()) }).safeParse(processor);
  for (const one of several.data?.processors ?? [processor]) {
    const token = template.safeParse(one).data?.single[0]?.SpecialToken?.id;
    if (token !== undefined) return token;
  }
  return undefined;
}
