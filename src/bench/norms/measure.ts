import { createRandom } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import { cpuEngine, type Engine, type EngineTensor, measureCopyBandwidth } from '../../engine/index.ts';
import { encodeModel, type OnnxModel } from '../../graph/index.ts';
import { type NormKind, normKinds } from '../../norms/index.ts';
import { ordinaryNumbers } from '../data.ts';
import { secondsOf, type Timings } from '../interleave.ts';
import {
  type BenchOptions,
  baseline,
  normsOf,
  requireMemory,
  requireSeconds,
  requireWhole,
  runtimeLabel,
  sessionOptions,
  type TimingOptions,
} from '../options.ts';
import { requireRemainder } from '../remainder.ts';
import { medianOverReplicates, ratioOverReplicates, type TimeRatio, timeReplicates } from '../replicates.ts';
import {
  type Direction,
  directions,
  emptyChain,
  loweringOf,
  type NormShape,
  normChain,
  scaleChain,
  tensorWidth,
} from './graph.ts';

export interface BenchNormsOptions extends BenchOptions {
  /** Default 2048: the positions of a sequence, or of a batch of them. */
  readonly rows?: number | undefined;
  /** Hidden sizes. Default 128, 768 and 2048. */
  readonly widths?: readonly number[] | undefined;
  /** Ids of the catalogue; LayerNorm and `none` are always measured. Default: all. */
  readonly norms?: readonly string[] | undefined;
  /** How long each shape is measured, both directions together. Default 20. */
  readonly seconds?: number | undefined;
  /** The size of the tensor that is copied, larger than the caches. Default 128 MiB. */
  readonly copyTensorBytes?: number | undefined;
}

/** One norm's kernels on one shape, alone. */
export interface NormOperation {
  readonly norm: string;
  readonly direction: Direction;
  readonly rows: number;
  /** The hidden size; CRMSNorm works on a tensor that is one narrower. */
  readonly width: number;
  /** One application, the cost of calling the engine taken off: the median over replicates of the median over rounds. */
  readonly microseconds: number;
  /** The bytes that one fused kernel would move (`NormKind.cost`), per measured second. */
  readonly gigabytesPerSecond: number;
  /** Of the machine's copy bandwidth; above 1 where caches help. */
  readonly fractionOfCopy: number;
  readonly ratioToLayerNorm: TimeRatio;
}

/** The rounds in which the norms of one shape and direction were timed, and what was timed beside them. */
export interface NormRotation extends NormShape {
  readonly direction: Direction;
  /** How often the norms were loaded anew, and the rounds over all of these. */
  readonly replicates: number;
  readonly rounds: number;
  /** Applications of a norm in one run. */
  readonly chainLength: number;
  /** The fastest run without any norm: what calling the engine costs at least. */
  readonly emptyRunMicroseconds: number;
  /** One multiplication of the tensor by a constant, in place, and the bandwidth of its reading and writing. */
  readonly scaleMicroseconds: number;
  readonly scaleGigabytesPerSecond: number;
}

/** How a norm is written for the engine. */
export interface NormLowering {
  readonly norm: string;
  readonly direction: Direction;
  /** ONNX operators in order; empty for no norm. */
  readonly operators: readonly string[];
  /** Whether the engine does all of it in one operator. */
  readonly fused: boolean;
}

export interface NormBenchmark {
  readonly runtimeLabel: string;
  /** Bytes read and written per second, 10⁹, by the engine on a tensor larger than the caches. */
  readonly copyGigabytesPerSecond: number;
  readonly ops: readonly NormOperation[];
  readonly rotations: readonly NormRotation[];
  readonly lowerings: readonly NormLowering[];
}

const copySeconds = 1;

/** How often all sessions of a shape and direction are created anew. More of them narrow the intervals more than rounds do. */
const replicateCount = 6;

/**
 * Times every norm's forward and backward pass on this engine, all norms interleaved, and compares with LayerNorm.
 *
 * A norm is applied several times in one run, to its own output; from the run's time that of the fastest run without
 * norms is taken off, and the rest is divided by the number of applications. So a norm's time is what removing it saves.
 * All of it is done several times with new sessions, and the ratios' intervals are over these.
 * The numbers are those of this engine's kernels, which differ in quality: they say nothing about the norms themselves.
 *
 * Throws InputError for bad options, for shapes that don't fit in memory and for ones too small to be timed.
 */
export async function benchNorms(options: BenchNormsOptions = {}): Promise<NormBenchmark> {
  const { threads, signal, onProgress, engine = cpuEngine() } = options;
  const rows = requireWhole('rows', options.rows ?? 2048);
  const widths = [...new Set(options.widths ?? [128, 768, 2048])].map((width) => requireWhole('width', width, 2));
  const seconds = requireSeconds(options.seconds ?? 20);
  const kinds = normsOf(options.norms ?? normKinds.map(({ id }) => id), [baseline]).filter(({ id }) => id !== 'none');
  for (const width of widths) requireMemory(`${rows}×${width}`, bytesNeeded({ rows, width }, kinds.length));

  signal?.throwIfAborted();
  const copy = await measureCopyBandwidth(engine, {
    tensorBytes: requireWhole('copyTensorBytes', options.copyTensorBytes ?? 2 ** 27, 4),
    seconds: Math.min(seconds, copySeconds),
    ...(threads === undefined ? {} : { threads }),
  });
  const copyGigabytesPerSecond = copy.bytesPerSecond / 1e9;
  const plans = widths.flatMap((width) => directions.map((direction) => ({ rows, width, direction })));
  const ops: NormOperation[] = [];
  const rotations: NormRotation[] = [];
  for (const [index, plan] of plans.entries()) {
    signal?.throwIfAborted();
    const report = (fraction: number) =>
      onProgress?.({ what: `${rows}×${plan.width} ${plan.direction}`, fraction: (index + fraction) / plans.length });
    report(0);
    const replicates = await timeRotation(kinds, plan, engine, { threads, seconds: seconds / 2, signal, report });
    const rotation = rotationOf(plan, replicates);
    rotations.push(rotation);
    ops.push(...kinds.map((kind) => operationOf(kind, rotation, replicates, copyGigabytesPerSecond)));
  }
  return {
    runtimeLabel: runtimeLabel(engine, threads),
    copyGigabytesPerSecond,
    ops,
    rotations,
    lowerings: kinds.flatMap((kind) =>
      directions.map((direction) => {
        const operators = loweringOf(kind, direction);
        return { norm: kind.id, direction, operators, fused: operators.length === 1 };
      }),
    ),
  };
}

type Plan = NormShape & { readonly direction: Direction };

/** So many applications that a run passes over about 4 Mi elements, where the call's cost is small beside them. */
export function chainLengthFor({ rows, width }: NormShape): number {
  return Math.min(16, Math.max(2, Math.round(2 ** 22 / (rows * width))));
}

/** The inputs, and up to eight tensors of a composed backward pass in every session, which keeps them. */
function bytesNeeded({ rows, width }: NormShape, count: number): number {
  return 4 * rows * width * (1 + chainLengthFor({ rows, width }) + 8 * (count + 2));
}

/** Names that no norm of the catalogue has. */
const emptyRun = 'empty run';
const scaling = 'scaling';

async function timeRotation(
  kinds: readonly NormKind[],
  plan: Plan,
  engine: Engine,
  { threads, seconds, signal, report }: TimingOptions,
): Promise<readonly Timings[]> {
  const length = chainLengthFor(plan);
  const models: [name: string, model: OnnxModel][] = [
    [emptyRun, emptyChain(plan.direction, plan, length)],
    [scaling, scaleChain(plan, length)],
    ...kinds.map((kind): [string, OnnxModel] => [kind.id, normChain(kind, plan.direction, plan, length)]),
  ];
  const names = ['dy', ...Array.from({ length }, (_, i) => `x${i}`)];
  const values = new Map(
    names.map((name, i) => [name, ordinaryNumbers(plan.rows * plan.width, undefined, undefined, i)]),
  );
  const candidates = models.map(([name, model]) => ({
    name,
    create: () => engine.createSession(encodeModel(model), sessionOptions(threads)),
    feeds: feedsOf(model, values),
  }));
  return await timeReplicates(candidates, {
    replicates: replicateCount,
    seconds,
    random: createRandom(`bench norms ${plan.rows} ${plan.width} ${plan.direction}`),
    signal,
    onFraction: report,
  });
}

function feedsOf(model: OnnxModel, values: ReadonlyMap<string, Float32Array>): Record<string, EngineTensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, shape }): [string, EngineTensor] => {
      const dims = shape.map(Number);
      const data = values.get(name)?.subarray(0, sizeOf(dims));
      if (data === undefined) throw new Error(`bench: nothing to feed ${name} with`);
      return [name, { dtype: 'float32', shape: dims, data }];
    }),
  );
}

function rotationOf(plan: Plan, replicates: readonly Timings[]): NormRotation {
  const chainLength = chainLengthFor(plan);
  const emptySeconds = Math.min(...replicates.flatMap((timings) => [...secondsOf(timings, emptyRun)]));
  const scaleSeconds = medianOverReplicates(
    replicates.map((timings) => applicationSeconds(secondsOf(timings, scaling), emptySeconds, chainLength, plan)),
  );
  return {
    ...plan,
    replicates: replicates.length,
    rounds: replicates.reduce((total, { rounds }) => total + rounds, 0),
    chainLength,
    emptyRunMicroseconds: 1e6 * emptySeconds,
    scaleMicroseconds: 1e6 * scaleSeconds,
    scaleGigabytesPerSecond: (2e-9 * 4 * plan.rows * plan.width) / scaleSeconds,
  };
}

function operationOf(
  kind: NormKind,
  { rows, width, direction, chainLength, emptyRunMicroseconds }: NormRotation,
  replicates: readonly Timings[],
  copyGigabytesPerSecond: number,
): NormOperation {
  const shape = { rows, width };
  const pairs = replicates.map((timings) => {
    const perApplication = (id: string) =>
      applicationSeconds(secondsOf(timings, id), emptyRunMicroseconds / 1e6, chainLength, shape);
    return [perApplication(kind.id), perApplication(baseline)] as const;
  });
  const seconds = medianOverReplicates(pairs.map(([own]) => own));
  const columns = tensorWidth(kind, width);
  const bytes = kind.cost(columns)[direction].bytesPerElement * rows * columns;
  const gigabytesPerSecond = (1e-9 * bytes) / seconds;
  return {
    norm: kind.id,
    direction,
    rows,
    width,
    microseconds: 1e6 * seconds,
    gigabytesPerSecond,
    fractionOfCopy: gigabytesPerSecond / copyGigabytesPerSecond,
    ratioToLayerNorm: ratioOverReplicates(pairs),
  };
}

/** Seconds of one application from those of runs that apply `chainLength` of them: (run − empty run) / chainLength. */
export function applicationSeconds(
  runs: Float64Array,
  emptySeconds: number,
  chainLength: number,
  { rows, width }: NormShape,
): Float64Array {
  const seconds = runs.map((run) => (run - emptySeconds) / chainLength);
  return requireRemainder(seconds, `${rows}×${width}`, 'Take more rows');
}
