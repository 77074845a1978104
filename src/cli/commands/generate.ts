import { InvalidArgumentError } from 'commander';
import { InputError } from '../../core/errors.ts';
import { formatDuration, formatSignificant } from '../../core/format.ts';
import { type EngineName, type EngineUse, engineNamed } from '../../engine/index.ts';
import {
  defaultMaxTokens,
  endIdsOf,
  type GeneratedToken,
  type GenerationEnd,
  type GenerationTimings,
  generate,
  openDecodingSession,
} from '../../generate/index.ts';
import { type Model, openModel } from '../../models/index.ts';
import { openTokenizer, type Tokenizer } from '../../text/index.ts';
import { type CommandContext, type CommandModule, examples } from '../command.ts';
import { describeEngine, engineOption } from '../engine-option.ts';
import { parseCount, parseNonNegative, parseThreads, parseWhole } from '../options.ts';
import { readText } from '../stdin.ts';

interface GenerateArguments {
  readonly prompt?: string;
  readonly ids?: readonly number[];
  readonly maxTokens: number;
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly seed: number;
  readonly stop?: readonly string[];
  readonly engine: EngineName;
  readonly threads?: number;
  readonly json?: true;
}

/** `normlab generate`: what a model writes after a prompt. */
export const generateCommand: CommandModule = {
  register(program, context) {
    program
      .command('generate')
      .summary('let a model write')
      .description(
        "Goes on from a prompt, token by token, in float32. The text goes to standard output as it comes, the speeds to standard error. The folder's tokenizer.json (or vocab.json and merges.txt) gives the tokens; without one a model of 256 ids reads bytes, and any other takes --ids and prints ids.",
      )
      .argument('<model>', 'folder with config.json and the weights as safetensors')
      .option('--prompt <text>', 'the text to go on from; - reads it from standard input, without a newline at its end')
      .option('--ids <list>', 'token ids to go on from instead, for instance 1,2,3', parseIds)
      .option('--max-tokens <n>', 'how many tokens to generate at most', parseCount, defaultMaxTokens)
      .option(
        '--temperature <t>',
        'what the logits are divided by before a token is drawn; 0 takes the likeliest (default: 0, or 1 with --top-k or --top-p)',
        parseNonNegative,
      )
      .option('--top-k <k>', 'draw from the k likeliest tokens only', parseCount)
      .option('--top-p <p>', 'then from the fewest likeliest whose probabilities reach p', parseNonNegative)
      .option('--seed <n>', 'seed of the random numbers', parseWhole, 0)
      .option('--stop <text>', 'end before this text; may be given several times', collect)
      .addOption(engineOption())
      .option('--threads <n>', 'threads of the engine (default: all processors)', parseThreads)
      .option('--json', 'print ids, text, log probabilities and timings as JSON at the end')
      .addHelpText(
        'after',
        examples(
          ['the likeliest continuation', 'generate ./gpt2 --prompt "The Queen of Spain"'],
          [
            'drawn at random, the same each time',
            'generate ./gpt2 --prompt "Once" --temperature 0.8 --top-p 0.95 --seed 7',
          ],
          [
            'a prompt from a file, up to the first empty line',
            "generate ./gpt2 --prompt - --stop $'\\n\\n' < prompt.txt",
          ],
          ['a model without a tokenizer', 'generate ./sorter --ids 2,0,1,1,0,2 --max-tokens 6'],
        ),
      )
      .action((folder: string, options: GenerateArguments) => action(folder, options, context));
  },
};

async function action(folder: string, options: GenerateArguments, context: CommandContext): Promise<void> {
  const { threads } = options;
  checkArguments(options);
  const model = await openModel(folder);
  try {
    const tokenizer = await openTokenizer(folder, model.spec.vocabularySize);
    const prompt = await promptOf(options, model, tokenizer, context);
    const endIds = await endIdsOf(model);
    const limit = model.spec.maxPositions ?? Number.POSITIVE_INFINITY;
    if (prompt.length > limit) {
      throw new InputError(`${folder}: the prompt has ${prompt.length} tokens, but the model has ${limit} positions`);
    }
    const length = Math.min(limit, prompt.length + options.maxTokens);
    const session = await openDecodingSession(model, {
      context: length,
      engine: await engineNamed(options.engine),
      ...(threads === undefined ? {} : { threads }),
    });
    try {
      await print(generate(session, tokenizer, { ...sampling(options), prompt, endIds, signal: context.signal }), {
        ...context,
        json: options.json ?? false,
        prompt,
        idsOnly: tokenizer === undefined,
        engineUse: () => session.engineUse?.(),
      });
    } finally {
      await session.release();
    }
  } finally {
    await model.checkpoint.close();
  }
}

function checkArguments({ prompt, ids, temperature, topK, topP }: GenerateArguments): void {
  if ((prompt === undefined) === (ids === undefined)) {
    throw new InputError(
      `generate: ${prompt === undefined ? 'neither --prompt nor --ids is given' : 'both --prompt and --ids are given'}, expected one of them`,
    );
  }
  if (temperature === 0 && (topK !== undefined || topP !== undefined)) {
    throw new InputError(
      'generate: at --temperature 0 the likeliest token is taken, so --top-k and --top-p mean nothing; leave out one or the other',
    );
  }
}

function sampling({ temperature, topK, topP, maxTokens, seed, stop }: GenerateArguments) {
  const drawn = topK !== undefined || topP !== undefined;
  return {
    temperature: temperature ?? (drawn ? 1 : 0),
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
    maxTokens,
    seed,
    stop,
  };
}

async function promptOf(
  { prompt, ids }: GenerateArguments,
  { folder, spec }: Model,
  tokenizer: Tokenizer | undefined,
  { stdin, signal }: CommandContext,
): Promise<readonly number[]> {
  if (ids !== undefined) {
    const wrong = ids.find((id) => id >= spec.vocabularySize);
    if (wrong === undefined) return ids;
    throw new InputError(
      `--ids: ${wrong} is not in the model's vocabulary, whose ids are 0 to ${spec.vocabularySize - 1}`,
    );
  }
  if (tokenizer === undefined) {
    throw new InputError(
      `${folder}: holds no tokenizer.json, so a text can't be turned into its ${spec.vocabularySize} ids; give the prompt as --ids 1,2,3`,
    );
  }
  const text = prompt === '-' ? await readText(stdin, signal) : (prompt ?? '');
  const encoded = Array.from(tokenizer.encode(text));
  if (encoded.length === 0) {
    throw new InputError(`--prompt: is empty, and ${folder}'s tokenizer begins a text with no token; give some text`);
  }
  return encoded;
}

interface Output extends CommandContext {
  readonly json: boolean;
  readonly prompt: readonly number[];
  /** There is no tokenizer: ids are printed instead of text. */
  readonly idsOnly: boolean;
  readonly engineUse: () => EngineUse | undefined;
}

async function print(events: AsyncIterable<GeneratedToken | GenerationEnd>, output: Output): Promise<void> {
  const { stdout, stderr, json, prompt, idsOnly, engineUse } = output;
  const tokens: GeneratedToken[] = [];
  let text = '';
  let end: GenerationEnd | undefined;
  let written = false;
  // A terminal would obey control characters that a model writes.
  const write = (piece: string): void => {
    if (json || piece === '') return;
    stdout.write(stdout.isTTY ? piece.replace(/[^\P{Cc}\n\t]/gu, '\ufffd') : piece);
    written = true;
  };
  try {
    for await (const event of events) {
      text += event.text;
      write(event.text);
      if (event.kind === 'end') {
        end = event;
        continue;
      }
      if (idsOnly) write(tokens.length === 0 ? String(event.id) : `,${event.id}`);
      tokens.push(event);
      // `normlab generate … | head`: nobody reads what would follow.
      if (stdout.writable === false) break;
    }
  } finally {
    // Also where it was interrupted: what follows begins a line.
    if (written) stdout.write('\n');
  }
  if (end === undefined) return;
  const { reason, timings } = end;
  const engine = engineUse();
  stderr.write(`${describe(tokens.length, end)}\n`);
  if (engine !== undefined && engine.name !== 'cpu') stderr.write(`${describeEngine(engine)}\n`);
  if (!json) return;
  const result = {
    prompt,
    ids: tokens.map(({ id }) => id),
    text: idsOnly ? null : text,
    logProbabilities: tokens.map(({ logProbability }) => logProbability),
    reason,
    engine,
    timings: { ...timings, ...rates(timings) },
  };
  stdout.write(`${JSON.stringify(result, null, 2)}\n`);
}

function rates({ prefillTokens, prefillSeconds, decodeTokens, decodeSeconds }: GenerationTimings) {
  const perSecond = (tokens: number, seconds: number) => (tokens === 0 || seconds === 0 ? null : tokens / seconds);
  return {
    prefillTokensPerSecond: perSecond(prefillTokens, prefillSeconds),
    decodeTokensPerSecond: perSecond(decodeTokens, decodeSeconds),
  };
}

const reasons = {
  end_id: 'the model ended its text',
  stop_text: 'a stop text came',
  max_tokens: 'as many as were asked for',
  context_full: 'the context is full',
} as const satisfies Readonly<Record<GenerationEnd['reason'], string>>;

/** `prompt 12 tokens in 34 ms (353 tokens/s) · 128 tokens, 45.2 tokens/s · the context is full` */
function describe(count: number, { reason, timings }: GenerationEnd): string {
  const { prefillTokensPerSecond, decodeTokensPerSecond } = rates(timings);
  const rate = (value: number | null) => (value === null ? '' : `${formatSignificant(value)} tokens/s`);
  const tokens = (n: number) => `${n} ${n === 1 ? 'token' : 'tokens'}`;
  const decoded = decodeTokensPerSecond === null ? '' : `, ${rate(decodeTokensPerSecond)}`;
  return [
    `prompt ${tokens(timings.prefillTokens)} in ${formatDuration(timings.prefillSeconds)} (${rate(prefillTokensPerSecond)})`,
    `${tokens(count)}${decoded}`,
    reasons[reason],
  ].join(' · ');
}

function parseIds(text: string): readonly number[] {
  const ids = text.split(/[\s,]+/).filter((part) => part !== '');
  if (ids.length > 0 && ids.every((id) => /^\d+$/.test(id) && Number.isSafeInteger(Number(id)))) return ids.map(Number);
  throw new InvalidArgumentError('Expected whole numbers from 0, separated by commas.');
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
