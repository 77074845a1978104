import { InputError } from '../core/errors.ts';
import { yieldToSignals } from '../core/interrupt.ts';
import { createRandom } from '../core/random.ts';
import { createTextStream, type Tokenizer } from '../text/index.ts';
import type { DecodingSession } from './decoder.ts';
import { createSampler, type SamplingOptions } from './sampler.ts';
import { createStopFilter } from './stopTexts.ts';

export interface GenerateOptions extends SamplingOptions {
  /** The ids to go on from, at least one. */
  readonly prompt: readonly number[];
  /** Default {@link defaultMaxTokens}. */
  readonly maxTokens?: number | undefined;
  /** Of the random numbers; the same seed gives the same tokens. Default 0. */
  readonly seed?: number | undefined;
  /** Ids that end the text; they are no part of it. */
  readonly endIds?: ReadonlySet<number> | undefined;
  /** Texts before which the generated text ends. They need a tokenizer. */
  readonly stop?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds since some fixed moment. */
  readonly now?: (() => number) | undefined;
}

export const defaultMaxTokens = 128;

/** Why generation ended: an end id, a stop text, `maxTokens`, or no position was left in the context. */
export type StopReason = 'end_id' | 'stop_text' | 'max_tokens' | 'context_full';

export interface GeneratedToken {
  readonly kind: 'token';
  readonly id: number;
  /** ln of the model's probability for it. */
  readonly logProbability: number;
  /** The text that is certain with this token; whole characters, perhaps none. */
  readonly text: string;
}

export interface GenerationEnd {
  readonly kind: 'end';
  readonly reason: StopReason;
  /** The text that was held back until now. */
  readonly text: string;
  readonly timings: GenerationTimings;
}

/** Where the time went. Prefill is the prompt, fed in one go; decoding is each generated token but the last one, fed alone. */
export interface GenerationTimings {
  readonly prefillTokens: number;
  readonly prefillSeconds: number;
  readonly decodeTokens: number;
  readonly decodeSeconds: number;
}

/**
 * Goes on from a prompt, token by token; the last event is the end. Without a tokenizer all texts are empty.
 *
 * What the session was fed before counts as the beginning of the prompt. Throws InputError for a prompt that is empty or
 * does not fit the session, for options out of range, and for logits that are no distribution; at an abort, between two
 * tokens, the signal's reason.
 */
export async function* generate(
  session: DecodingSession,
  tokenizer: Tokenizer | undefined,
  options: GenerateOptions,
): AsyncGenerator<GeneratedToken | GenerationEnd, void, undefined> {
  const { prompt, maxTokens = defaultMaxTokens, endIds = new Set(), stop = [], signal } = options;
  const now = options.now ?? (() => performance.now());
  checkOptions(session, tokenizer, options);
  const sample = createSampler(options, createRandom(options.seed ?? 0).split('generate'));
  const stream = tokenizer && createTextStream(tokenizer);
  const filter = createStopFilter(stop);

  let started = now();
  let logits = await session.feed(prompt, signal);
  const prefillSeconds = (now() - started) / 1000;
  let decodeTokens = 0;
  let decodeSeconds = 0;
  const end = (reason: StopReason, text: string): GenerationEnd => ({
    kind: 'end',
    reason,
    text,
    timings: { prefillTokens: prompt.length, prefillSeconds, decodeTokens, decodeSeconds },
  });
  const rest = (): string => {
    const { text, stopped } = filter.push(stream?.end() ?? '');
    return stopped ? text : text + filter.end();
  };

  for (let count = 1; count <= maxTokens; count++) {
    if (signal !== undefined) await yieldToSignals(signal);
    const { id, logProbability } = sample(logits);
    if (endIds.has(id)) return yield end('end_id', rest());
    const { text, stopped } = filter.push(stream?.push(id) ?? '');
    yield { kind: 'token', id, logProbability, text };
    if (stopped) return yield end('stop_text', '');
    if (count === maxTokens) break;
    if (session.length >= session.context) return yield end('context_full', rest());
    started = now();
    logits = await session.feed([id]);
    decodeSeconds += (now() - started) / 1000;
    decodeTokens++;
  }
  yield end('max_tokens', rest());
}

function checkOptions(
  session: DecodingSession,
  tokenizer: Tokenizer | undefined,
  { prompt, maxTokens, stop = [] }: GenerateOptions,
): void {
  const room = session.context - session.length;
  if (prompt.length === 0) throw new InputError('generate: the prompt is empty, expected at least one token');
  if (prompt.length > room) {
    throw new InputError(
      `generate: the prompt has ${prompt.length} tokens, but the model's context has room for ${room}; shorten it`,
    );
  }
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && maxTokens >= 0))
    throw new InputError(`generate: at most ${maxTokens} tokens were asked for, expected a whole number from 0`);
  if (stop.length > 0 && tokenizer === undefined)
    throw new InputError('generate: a stop text needs a tokenizer, and the model has none');
}
