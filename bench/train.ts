/**
 * Training throughput of normlab against the machine's matrix product and against jax-js, interleaved in one run.
 *
 *   npm run bench:train -- [--threads 2] [--seconds 30] [--json] [--no-peer]
 *
 * Exit code 1 when the losses of the two implementations differ or the target is missed.
 */
import { availableParallelism } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { interleave, runtimeLabel, secondsOf, trainingFlopsPerToken, type Variant } from '../src/bench/index.ts';
import { CheckFailedError, InputError } from '../src/core/errors.ts';
import { formatSignificant, formatTable } from '../src/core/format.ts';
import { createProgress } from '../src/core/progress.ts';
import { createRandom } from '../src/core/random.ts';
import { median, type Ratio, ratioOfPairs } from '../src/core/statistics/index.ts';
import { cpuEngine, type Engine } from '../src/engine/index.ts';
import { constant, emitOnnx, encodeModel, input, matmul, mul, slice } from '../src/graph/index.ts';
import { decoderParameters } from '../src/models/index.ts';
import {
  type Batch,
  createTrainStep,
  defaultConfig,
  initialParameter,
  initialState,
  type TrainState,
  trainSpec,
} from '../src/train/index.ts';
import { createJaxTrainer } from './peers/jax-js.ts';
import { runBenchmark } from './run.ts';

/** normlab must train at least so many times as fast as jax-js. */
const target = 6;
/** The least fraction of the matrix product's rate that training should reach. */
const peakTarget = 0.45;
/** The losses of the same steps may differ by this much, nats per token. */
const lossTolerance = 1e-3;
const comparedSteps = 3;
/** Longer than threads that wait actively go on waiting. */
const pauseMs = 50;
const stepsPerRun = 4;
const matmulSize = 1024;
const matmulsPerRun = 8;

const { model, optimizer, batch: batchSize } = defaultConfig;
const learningRate = 1e-3;
const tokensPerStep = batchSize * model.context;
const spec = trainSpec(model);

/** Bytes of which each follows from the one before, but for a little noise. */
function createBatches(count: number): readonly Batch[] {
  const random = createRandom('bench train');
  return Array.from({ length: count }, () => {
    const ids = Int32Array.from({ length: tokensPerStep + 1 }, () => 0);
    for (let i = 1; i < ids.length; i++) ids[i] = (5 * (ids[i - 1] ?? 0) + random.integer(16)) % model.vocabularySize;
    return { inputs: ids.slice(0, -1), targets: ids.slice(1) };
  });
}

/** The trainer of `src/train`, with the same initial weights at every call. */
async function createTrainer(engine: Engine, threads: number) {
  const step = await createTrainStep(spec, { batch: batchSize, context: model.context }, optimizer, engine, {
    threads,
  });
  let state: TrainState = initialState(spec, step.chunks, createRandom('bench train weights'));
  let t = 0;
  return {
    async step(batch: Batch): Promise<number> {
      const result = await step.run(state, batch, ++t, learningRate);
      state = result.state;
      return result.loss;
    },
    release: step.release,
  };
}

async function createPeer() {
  const random = createRandom('bench train weights');
  const weights = decoderParameters(spec).map(
    (entry) => [entry.name, { shape: entry.shape, data: initialParameter(spec, entry, random) }] as const,
  );
  if (optimizer.clip === null) throw new Error('bench: the peer always clips');
  const shape = { ...model, batch: batchSize, epsilon: spec.norm.epsilon };
  const trainer = await createJaxTrainer(shape, { ...optimizer, clip: optimizer.clip }, new Map(weights));
  let t = 0;
  return { device: trainer.device, step: (batch: Batch) => trainer.step(batch, ++t, learningRate) };
}

/** A product of two square matrices that stays in the engine. */
async function createMatmul(engine: Engine, threads: number) {
  const square = [matmulSize, matmulSize];
  const data = Float32Array.from({ length: matmulSize ** 2 }, (_, i) => ((i * 7919) % 1000) / 1000 - 0.5);
  const x = input('x', 'float', square);
  const model = emitOnnx({
    row: slice(matmul(mul(x, constant(1.5)), constant(Float64Array.from(data), square)), 0, 0, 1),
  });
  const session = await engine.createSession(encodeModel(model), { threads });
  const feeds = { x: { dtype: 'float32', shape: square, data } } as const;
  return { run: () => session.run(feeds), release: () => session.release() };
}

interface Options {
  readonly threads: number;
  readonly seconds: number;
  readonly json: boolean;
  readonly peer: boolean;
}

async function bench({ threads, seconds, peer: withPeer }: Options, signal: AbortSignal) {
  const engine = cpuEngine();
  const batches = createBatches(16);
  const batchAt = (index: number): Batch => {
    const batch = batches[index % batches.length];
    if (batch === undefined) throw new Error('bench: no batches');
    return batch;
  };
  const ours = await createTrainer(engine, threads);
  const single = threads > 1 ? await createTrainer(engine, 1) : null;
  const product = await createMatmul(engine, threads);
  const peer = withPeer ? await createPeer() : null;

  const losses: { readonly normlab: number; readonly jaxJs: number }[] = [];
  for (let i = 0; peer !== null && i < comparedSteps; i++) {
    losses.push({ normlab: await ours.step(batchAt(i)), jaxJs: await peer.step(batchAt(i)) });
    signal.throwIfAborted();
  }

  let next = 0;
  const prepare = () => pause(pauseMs);
  const several = async (count: number, run: () => Promise<unknown>) => {
    for (let i = 0; i < count; i++) await run();
  };
  const variants: Variant[] = [
    { name: 'normlab', prepare, run: () => several(stepsPerRun, () => ours.step(batchAt(next++))) },
    { name: 'matmul', prepare, run: () => several(matmulsPerRun, product.run) },
    ...(single
      ? [{ name: 'single', prepare, run: () => several(stepsPerRun, () => single.step(batchAt(next++))) }]
      : []),
    ...(peer ? [{ name: 'jax-js', prepare, run: () => peer.step(batchAt(next++)) }] : []),
  ];
  const progress = createProgress();
  const timings = await interleave(variants, {
    seconds,
    signal,
    onRound: (rounds, fraction) => progress.update(`bench train: round ${rounds} · ${Math.floor(100 * fraction)} %`),
  }).finally(() => progress.done({ clear: true }));
  for (const resource of [ours, single, product]) await resource?.release();

  const rate = (name: string, amount: number) => secondsOf(timings, name).map((time) => amount / time);
  const flopsPerToken = trainingFlopsPerToken(spec, model.context);
  const normlab = rate('normlab', stepsPerRun * tokensPerStep);
  const matmulFlops = rate('matmul', matmulsPerRun * 2 * matmulSize ** 3);
  const ratio = (a: Float64Array, b: Float64Array): Ratio =>
    ratioOfPairs(a, b, { random: createRandom('bench train') });
  const jaxJs = peer === null ? null : rate('jax-js', tokensPerStep);
  const singleRate = single === null ? normlab : rate('single', stepsPerRun * tokensPerStep);
  return {
    runtimeLabel: runtimeLabel(engine, threads),
    model: { ...model, batch: batchSize, flopsPerToken },
    rounds: timings.rounds,
    normlab: { threads, tokensPerSecond: median(normlab), gflops: 1e-9 * flopsPerToken * median(normlab) },
    normlabOneThread: { tokensPerSecond: median(singleRate) },
    matmul: { size: matmulSize, gflops: 1e-9 * median(matmulFlops) },
    fractionOfPeak: ratio(
      normlab.map((tokens) => flopsPerToken * tokens),
      matmulFlops,
    ),
    jaxJs:
      peer === null || jaxJs === null
        ? null
        : {
            device: peer.device,
            tokensPerSecond: median(jaxJs),
            speedup: ratio(normlab, jaxJs),
            speedupOneThread: ratio(singleRate, jaxJs),
            losses,
            lossesAgree: losses.every((loss) => Math.abs(loss.normlab - loss.jaxJs) <= lossTolerance),
            target,
            targetReached: ratio(normlab, jaxJs).ratio >= target,
          },
  };
}

type Result = Awaited<ReturnType<typeof bench>>;

function toText(result: Result): string {
  const { model: shape, normlab, normlabOneThread, matmul: product, fractionOfPeak, jaxJs, rounds } = result;
  const withInterval = ({ ratio, ci }: Ratio, scale = 1, digits = 1) =>
    `${(scale * ratio).toFixed(digits)} (95 % interval ${(scale * ci.low).toFixed(digits)} … ${(scale * ci.high).toFixed(digits)})`;
  const gflops = (tokensPerSecond: number) => formatSignificant(1e-9 * shape.flopsPerToken * tokensPerSecond);
  const table = formatTable(
    ['', 'threads', 'tokens/s', 'GFLOP/s'],
    [
      ['normlab', normlab.threads, Math.round(normlab.tokensPerSecond), gflops(normlab.tokensPerSecond)],
      ...(normlab.threads > 1
        ? [['normlab', 1, Math.round(normlabOneThread.tokensPerSecond), gflops(normlabOneThread.tokensPerSecond)]]
        : []),
      ...(jaxJs === null
        ? []
        : [[`jax-js (${jaxJs.device})`, 1, Math.round(jaxJs.tokensPerSecond), gflops(jaxJs.tokensPerSecond)]]),
      [`matrix product, ${product.size}³`, normlab.threads, null, formatSignificant(product.gflops)],
    ],
  );
  return [
    `${result.runtimeLabel}; GPT of ${shape.layers} layers × ${shape.hiddenSize}, context ${shape.context}, batch ${shape.batch}, ${shape.vocabularySize} symbols;`,
    `forward, backward, clipping, AdamW and telemetry; ${rounds} interleaved rounds of sessions loaded once, medians`,
    '',
    table,
    '',
    `${withInterval(fractionOfPeak, 100)} % of the matrix product's rate. Counted are ${formatSignificant(shape.flopsPerToken / 1e6)} MFLOP a token:`,
    '6 × matrix parameters + 12 × layers × context × width for attention, the masked half included.',
    `Target (at least ${100 * peakTarget} %): ${fractionOfPeak.ratio >= peakTarget ? 'reached' : 'MISSED'}.`,
    ...(jaxJs === null ? [] : peerLines(jaxJs, withInterval)),
  ].join('\n');
}

function peerLines(jaxJs: NonNullable<Result['jaxJs']>, withInterval: (ratio: Ratio) => string): readonly string[] {
  const difference = Math.max(...jaxJs.losses.map(({ normlab, jaxJs: other }) => Math.abs(normlab - other)));
  return [
    `${withInterval(jaxJs.speedup)} times as fast as jax-js, which has one thread in Node (no Worker there);`,
    `with one thread ${withInterval(jaxJs.speedupOneThread)} times.`,
    `Losses of the first ${jaxJs.losses.length} steps differ by at most ${difference.toExponential(1)} nats: ${jaxJs.lossesAgree ? 'the same model' : 'NOT THE SAME MODEL'}.`,
    `Target (at least ${jaxJs.target} times jax-js): ${jaxJs.targetReached ? 'reached' : 'MISSED'}.`,
  ];
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
      seconds: { type: 'string', default: '30' },
      json: { type: 'boolean', default: false },
      'no-peer': { type: 'boolean', default: false },
    },
  });
  const threads = Number(values.threads);
  const seconds = Number(values.seconds);
  if (!(Number.isSafeInteger(threads) && threads >= 1))
    throw new InputError(`--threads ${values.threads}: expected a whole number from 1`);
  if (!(Number.isFinite(seconds) && seconds > 0))
    throw new InputError(`--seconds ${values.seconds}: expected a number above 0`);
  return { threads, seconds, json: values.json, peer: !values['no-peer'] };
}

async function main(signal: AbortSignal): Promise<void> {
  const options = parseOptions();
  const result = await bench(options, signal);
  process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : toText(result)}\n`);
  if (result.jaxJs && !result.jaxJs.lossesAgree) throw new CheckFailedError('the losses of normlab and jax-js differ');
  if (result.fractionOfPeak.ratio < peakTarget) {
    throw new CheckFailedError(
      `${(100 * result.fractionOfPeak.ratio).toFixed(1)} % of the matrix product's rate, the target is ${100 * peakTarget} %`,
    );
  }
  if (result.jaxJs && !result.jaxJs.targetReached) {
    throw new CheckFailedError(`${result.jaxJs.speedup.ratio.toFixed(1)} times jax-js, the target is ${target}`);
  }
}

await runBenchmark('train', main);
