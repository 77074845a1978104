/**
 * Prefill and decoding of normlab beside llama.cpp and PyTorch: the same float32 weights, the same number of threads,
 * batch 1, interleaved in one run.
 *
 *   npm run bench:inference -- [--models gpt2,llama-1b] [--threads 2] [--prompt 512] [--decode 128] [--rounds 7]
 *     [--install] [--python python3] [--profile] [--json] [--cache .cache/bench-inference]
 *     [--flash-attention auto|off]
 *
 * llama.cpp takes part once `--install` has fetched it, PyTorch where `--python` (or NORMLAB_PYTHON) names a Python with
 * torch and transformers. llama.cpp keeps keys and values in float32 too, but its flash attention, which it chooses by itself,
 * computes with float16 in places; `--flash-attention off` makes it float32 throughout. Random weights are kept in the cache folder, up to 10 GB for the 1B shape. Exit code 1 when the
 * implementations' logits differ or a target is missed.
 */
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runtimeLabel } from '../src/bench/index.ts';
import { CheckFailedError, InputError } from '../src/core/errors.ts';
import { formatBytes, formatSignificant, formatTable } from '../src/core/format.ts';
import { createProgress } from '../src/core/progress.ts';
import { createRandom } from '../src/core/random.ts';
import { median, type Ratio, ratioOfPairs } from '../src/core/statistics/index.ts';
import { didYouMean } from '../src/core/suggest.ts';
import { cpuEngine } from '../src/engine/index.ts';
import { type Peer, type Round, startPeer } from './inference/peer.ts';
import { hasLlamaCpp, installLlamaCpp, llamaCppPeer, normlabPeer, transformersPeer } from './inference/peers.ts';
import { type PhaseProfile, profilePhases, profileText } from './inference/profile.ts';
import { type Config, shapes } from './inference/shapes.ts';
import { prepareWeights } from './inference/weights.ts';
import { runBenchmark } from './run.ts';

/** normlab's speed over that of a peer, at least. */
const targets: Readonly<Record<string, { readonly prefill: number; readonly decode: number | null }>> = {
  'llama.cpp': { prefill: 1, decode: 0.8 },
  PyTorch: { prefill: 1, decode: null },
};
/** Logits may differ by so much of the largest one: llama.cpp's gelu and flash attention use float16. */
const logitTolerance = 0.01;
const comparedIds = 16;
/** Longer than threads that wait actively go on waiting. */
const pauseMs = 200;

interface Options {
  readonly models: readonly string[];
  readonly threads: number;
  readonly prompt: number;
  readonly decode: number;
  readonly rounds: number;
  readonly install: boolean;
  readonly python: string | undefined;
  readonly profile: boolean;
  readonly json: boolean;
  readonly cache: string;
  readonly flashAttention: 'auto' | 'off';
}

interface PeerResult {
  readonly name: string;
  readonly description: string;
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
  readonly peakBytes: number;
  /** Against normlab, for its peers. */
  readonly comparison: {
    readonly prefill: Ratio;
    readonly decode: Ratio;
    /** The largest difference of a logit, as a part of the largest logit. */
    readonly logitDifference: number;
    /** How many of the likeliest ids are the same. */
    readonly agreement: number;
    readonly missed: readonly string[];
  } | null;
}

interface ModelResult {
  readonly model: string;
  readonly config: Config;
  readonly peers: readonly PeerResult[];
  readonly profile: readonly PhaseProfile[] | null;
}

async function benchModel(
  model: string,
  options: Options,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<ModelResult> {
  const { threads, rounds, cache } = options;
  const config = shapes.get(model);
  if (config === undefined) throw new InputError(`--models: "${model}" is unknown${didYouMean(model, shapes.keys())}`);
  say(`${model}: preparing weights`);
  const weights = await prepareWeights(cache, model, config);
  const setting = { weights, threads, context: options.prompt + options.decode };
  const commands = [
    normlabPeer(setting),
    ...((await hasLlamaCpp(cache)) ? [llamaCppPeer(cache, setting, options.flashAttention)] : []),
    ...(options.python === undefined ? [] : [transformersPeer(options.python, setting)]),
  ];
  const random = createRandom('bench inference').split(model);
  const vocabulary = Number(config.vocab_size);
  const draw = (count: number) => Array.from({ length: count }, () => random.integer(vocabulary));
  const [prompt, tokens] = [draw(options.prompt), draw(options.decode)];

  const peers: Peer[] = [];
  const measured: Round[][] = commands.map(() => []);
  const logits: (readonly number[])[] = [];
  try {
    for (const command of commands) {
      say(`${model}: loading into ${command.name}`);
      const peer = await startPeer(command);
      peers.push(peer);
      logits.push(await peer.logits(prompt.slice(0, comparedIds)));
      await peer.round(prompt, tokens.slice(0, 2));
      signal.throwIfAborted();
    }
    for (let round = 0; round < rounds; round++) {
      for (const index of random.permutation(peers.length)) {
        const peer = peers[index];
        if (peer === undefined) continue;
        say(`${model}: round ${round + 1} of ${rounds}, ${peer.name}`);
        await pause(pauseMs);
        measured[index]?.push(await peer.round(prompt, tokens));
        signal.throwIfAborted();
      }
    }
  } finally {
    for (const peer of peers) peer.close();
  }
  const results = peers.map((peer, i) =>
    summarize(peer, measured[i] ?? [], i === 0 ? null : (measured[0] ?? []), options, difference(logits[0], logits[i])),
  );
  say(`${model}: profiling`);
  const profile = options.profile ? await profilePhases(weights.folder, threads, prompt, tokens) : null;
  return { model, config, peers: results, profile };
}

/** The largest difference of two models' logits, as a part of the largest logit. */
function difference(ours: readonly number[] = [], theirs: readonly number[] = []): number {
  if (ours.length !== theirs.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  let furthest = 0;
  for (const [id, logit] of ours.entries()) {
    largest = Math.max(largest, Math.abs(logit));
    furthest = Math.max(furthest, Math.abs(logit - (theirs[id] ?? Number.NaN)));
  }
  return furthest / largest;
}

function summarize(
  peer: Peer,
  rounds: readonly Round[],
  ours: readonly Round[] | null,
  options: Options,
  logitDifference: number,
): PeerResult {
  const rates = (some: readonly Round[]) => ({
    prefill: some.map(({ prefillSeconds }) => options.prompt / prefillSeconds),
    decode: some.map(({ decodeSeconds }) => options.decode / decodeSeconds),
  });
  const theirs = rates(rounds);
  const compare = (own: readonly Round[]): NonNullable<PeerResult['comparison']> => {
    const normlab = rates(own);
    const ratio = (phase: 'prefill' | 'decode') =>
      ratioOfPairs(normlab[phase], theirs[phase], { random: createRandom('bench inference ratio') });
    const [prefill, decode] = [ratio('prefill'), ratio('decode')];
    const target = targets[peer.name];
    const [a, b] = [own[0]?.likeliest ?? [], rounds[0]?.likeliest ?? []];
    return {
      prefill,
      decode,
      logitDifference,
      agreement: a.filter((id, i) => id === b[i]).length / a.length,
      missed: [
        ...(target && prefill.ratio < target.prefill ? [`prefill ${target.prefill}`] : []),
        ...(target?.decode && decode.ratio < target.decode ? [`decode ${target.decode}`] : []),
      ],
    };
  };
  return {
    name: peer.name,
    description: peer.description,
    prefillTokensPerSecond: median(theirs.prefill),
    decodeTokensPerSecond: median(theirs.decode),
    peakBytes: Math.max(...rounds.map(({ peakBytes }) => peakBytes)),
    comparison: ours === null ? null : compare(ours),
  };
}

function toText({ model, peers, profile }: ModelResult, { prompt, decode, threads, rounds }: Options): string {
  const interval = ({ ratio, ci }: Ratio) => `${ratio.toFixed(2)} (${ci.low.toFixed(2)} … ${ci.high.toFixed(2)})`;
  const table = formatTable(
    [
      model,
      { header: `prefill ${prompt}, tokens/s`, align: 'right' },
      { header: `decode ${decode}, tokens/s`, align: 'right' },
      { header: 'peak memory', align: 'right' },
    ],
    peers.map((peer) => [
      peer.description,
      formatSignificant(peer.prefillTokensPerSecond),
      formatSignificant(peer.decodeTokensPerSecond),
      formatBytes(peer.peakBytes),
    ]),
  );
  const lines = peers.flatMap(({ name, comparison }) => {
    if (comparison === null) return [];
    const { missed, logitDifference, agreement } = comparison;
    return [
      `normlab over ${name} (95 % interval): prefill ${interval(comparison.prefill)}, decode ${interval(comparison.decode)}; ` +
        `logits differ by ${logitDifference.toExponential(1)} of the largest, ${(100 * agreement).toFixed(0)} % of the likeliest ids agree; ` +
        (missed.length === 0 ? 'targets reached.' : `MISSED: at least ${missed.join(' and ')}.`),
    ];
  });
  return [
    table,
    '',
    `float32, batch 1, ${threads} threads each, random weights; medians of ${rounds} interleaved rounds`,
    ...lines,
    ...(profile === null ? [] : ['', profileText(profile)]),
  ].join('\n');
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      models: { type: 'string', default: 'gpt2,llama-1b' },
      threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      prompt: { type: 'string', default: '512' },
      decode: { type: 'string', default: '128' },
      rounds: { type: 'string', default: '7' },
      install: { type: 'boolean', default: false },
      python: { type: 'string' },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      'flash-attention': { type: 'string', default: 'auto' },
      cache: { type: 'string', default: fileURLToPath(new URL('../.cache/bench-inference', import.meta.url)) },
    },
  });
  const count = (name: 'threads' | 'prompt' | 'decode' | 'rounds', least: number): number => {
    const value = Number(values[name]);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InputError(`--${name} ${values[name]}: expected a whole number from ${least}`);
  };
  const flashAttention = values['flash-attention'];
  if (flashAttention !== 'auto' && flashAttention !== 'off')
    throw new InputError(`--flash-attention ${flashAttention}: expected auto or off`);
  return {
    flashAttention,
    models: values.models.split(','),
    threads: count('threads', 1),
    prompt: count('prompt', comparedIds),
    decode: count('decode', 2),
    rounds: count('rounds', 2),
    install: values.install,
    python: values.python ?? process.env.NORMLAB_PYTHON,
    profile: values.profile,
    json: values.json,
    cache: values.cache,
  };
}

async function main(signal: AbortSignal): Promise<void> {
  const options = parseOptions();
  const progress = createProgress();
  const results: ModelResult[] = [];
  if (options.install && !(await hasLlamaCpp(options.cache))) {
    progress.log('llama.cpp: installing node-llama-cpp from npm');
    await installLlamaCpp(options.cache);
  }
  if (!(await hasLlamaCpp(options.cache)))
    progress.log('llama.cpp: skipped, it is not installed; --install fetches node-llama-cpp (85 MB) from npm');
  if (options.python === undefined)
    progress.log('PyTorch: skipped; --python names a Python that has torch and transformers');
  for (const model of options.models) {
    const result = await benchModel(model, options, signal, (line) => progress.update(`bench inference: ${line}`));
    results.push(result);
    progress.done({ clear: true });
    if (!options.json) process.stdout.write(`${toText(result, options)}\n\n`);
  }
  const label = runtimeLabel(cpuEngine(), options.threads);
  if (options.json) process.stdout.write(`${JSON.stringify({ runtimeLabel: label, ...options, results }, null, 2)}\n`);
  else process.stdout.write(`${label}\n`);
  for (const { model, peers } of results) {
    for (const { name, comparison } of peers) {
      if (comparison !== null && !(comparison.logitDifference <= logitTolerance))
        throw new CheckFailedError(`${model}: the logits of ${name} differ by ${comparison.logitDifference}`);
    }
  }
  const missed = results.flatMap(({ model, peers }) =>
    peers.flatMap(({ name, comparison }) => (comparison?.missed ?? []).map((what) => `${model} ${what} of ${name}`)),
  );
  if (missed.length > 0) throw new CheckFailedError(`targets were missed: ${missed.join(', ')}`);
}

await runBenchmark('inference', main);
