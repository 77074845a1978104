import { Tokenizer as Library } from '@huggingface/tokenizers';
import { z } from 'zod';
import { InputError, messageOf } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import type { Tokenizer } from './tokenizer.ts';

/** What is used of the library, whose own declarations name files in a way that this module resolution doesn't find. */
interface Implementation {
  encode(text: string, options?: { readonly add_special_tokens: boolean }): { readonly ids: (number | undefined)[] };
  decode(
    ids: readonly number[],
    options: { readonly skip_special_tokens: boolean; readonly clean_up_tokenization_spaces: boolean },
  ): string;
  id_to_token(id: number): string | undefined;
  get_added_tokens_decoder(): ReadonlyMap<number, unknown>;
  get_vocab(withAddedTokens: boolean): ReadonlyMap<string | undefined, number>;
}

const LibraryTokenizer: new (tokenizer: object, config: object) => Implementation = Library;

const addedTokenSchema = z.looseObject({ id: z.int().nonnegative(), content: z.string() });

const tokenizerSchema = z.looseObject({
  model: z.looseObject({}),
  added_tokens: z.array(addedTokenSchema).nullish(),
  normalizer: z.looseObject({}).nullish(),
  pre_tokenizer: z.looseObject({}).nullish(),
  post_processor: z.looseObject({}).nullish(),
  decoder: z.looseObject({}).nullish(),
});

/** A special token is stored as its text, or as an object that holds it. */
const specialTokenSchema = z.union([z.string(), z.looseObject({ content: z.string() }).transform((t) => t.content)]);

const configSchema = z.looseObject({
  add_bos_token: z.boolean().nullish(),
  bos_token: specialTokenSchema.nullish(),
});

export interface HuggingFaceTokenizerFiles {
  /** The path that messages name. */
  readonly path: string;
  /** `tokenizer.json` as parsed. */
  readonly tokenizer: unknown;
  /** `tokenizer_config.json` as parsed; an empty object where there is none. */
  readonly config: unknown;
  readonly configPath: string;
}

/**
 * The tokenizer that a `tokenizer.json` describes, for a model with `vocabularySize` ids.
 *
 * A text begins with the token that the file's post-processor or `add_bos_token` of the configuration asks for; special
 * tokens are no part of decoded text. Ids that the model has and the tokenizer lacks (padding of the embedding) decode to
 * nothing. Throws InputError for a file that is malformed or asks for what the library doesn't know, and for a
 * vocabulary that is larger than the model's.
 */
export function huggingFaceTokenizer(files: HuggingFaceTokenizerFiles, vocabularySize: number): Tokenizer {
  const { path } = files;
  const json = parse(tokenizerSchema, files.tokenizer, path);
  const config = parse(configSchema, files.config, files.configPath);
  const implementation = create(json, config, path);
  const ids = new Map<string, number>();
  for (const [token, id] of implementation.get_vocab(true)) {
    // A hole between two ids is an undefined token.
    if (token !== undefined) ids.set(token, id);
  }
  const known = new Set(ids.values());
  checkFit(ids, implementation.get_added_tokens_decoder(), vocabularySize, path);
  const beginning = typeof config.bos_token === 'string' ? ids.get(config.bos_token) : undefined;

  const ask = <T>(what: string, action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw new InputError(`${path}: can't ${what}: ${messageOf(error)}`, { cause: error });
    }
  };

  return {
    name: 'tokenizer.json',
    vocabularySize,
    encode(text) {
      const plain = ask('encode the text', () => implementation.encode(text, { add_special_tokens: false }).ids);
      const full = ask('encode the text', () => implementation.encode(text).ids);
      const encoded = withBeginning(full, plain, beginning, config.add_bos_token);
      return encoded.map((id) => {
        if (id === undefined)
          throw new InputError(`${path}: a part of the text is no token, and there is no unk_token`);
        if (id < vocabularySize) return id;
        const token = quote(implementation.id_to_token(id) ?? '');
        throw new InputError(
          `${path}: the text holds ${token} with id ${id}, but the model has only ${vocabularySize} ids (0 to ${vocabularySize - 1})`,
        );
      });
    },
    decode(given) {
      const wanted = Array.from(given, (id) => {
        if (!(Number.isInteger(id) && id >= 0 && id < vocabularySize))
          throw new RangeError(`text: ${id} is no token, expected 0 to ${vocabularySize - 1}`);
        return id;
      }).filter((id) => known.has(id));
      if (wanted.length === 0) return '';
      // A model's text is what its tokens say: no spaces are removed to make it look nicer.
      return ask('decode ids', () =>
        implementation.decode(wanted, { skip_special_tokens: true, clean_up_tokenization_spaces: false }),
      );
    },
  };
}

function parse<T>(schema: z.ZodType<T>, value: unknown, path: string): T {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues;
  throw new InputError(`${path}: ${issue?.path.join('.') || 'the file'}: ${issue?.message ?? 'is malformed'}`);
}

function create(
  json: z.infer<typeof tokenizerSchema>,
  config: z.infer<typeof configSchema>,
  path: string,
): Implementation {
  const complete = {
    ...json,
    added_tokens: json.added_tokens ?? [],
    normalizer: json.normalizer ?? null,
    pre_tokenizer: json.pre_tokenizer ?? null,
    post_processor: json.post_processor ?? null,
    decoder: json.decoder ?? null,
  };
  try {
    return new LibraryTokenizer(complete, config);
  } catch (error) {
    throw new InputError(`${path}: is no tokenizer that can be used: ${messageOf(error)}`, { cause: error });
  }
}

/** Added tokens may lie beyond the model's ids, as padding does: only a text that holds one is refused. */
function checkFit(
  ids: ReadonlyMap<string, number>,
  added: ReadonlyMap<number, unknown>,
  vocabularySize: number,
  path: string,
): void {
  let largest = -1;
  for (const id of ids.values()) if (id > largest && !added.has(id)) largest = id;
  if (ids.size === 0) throw new InputError(`${path}: its vocabulary is empty`);
  if (largest < vocabularySize) return;
  throw new InputError(
    `${path}: the tokenizer has ids up to ${largest}, but the model only ${vocabularySize} (0 to ${vocabularySize - 1}, vocab_size in config.json); it belongs to another model`,
  );
}

/** What the configuration says about the token for a text's beginning goes before what the post-processor does. */
function withBeginning(
  full: readonly (number | undefined)[],
  plain: readonly (number | undefined)[],
  beginning: number | undefined,
  wanted: boolean | null | undefined,
): readonly (number | undefined)[] {
  if (beginning === undefined || typeof wanted !== 'boolean') return full;
  const added = full[0] === beginning && full.length > plain.length;
  if (wanted) return added ? full : [beginning, ...full];
  return added ? full.slice(1) : full;
}
