import { InputError } from '../../core/errors.ts';
import { createRandom } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import { cpuEngine, type Engine } from '../../engine/index.ts';
import type { DecoderSpec, Storage } from '../../models/index.ts';
import { secondsOf, type Timings } from '../interleave.ts';
import {
  type BenchOptions,
  requireMemory,
  requireSeconds,
  runtimeLabel,
  sessionOptions,
  type TimingOptions,
} from '../options.ts';
import { medianOverReplicates, ratioOverReplicates, type TimeRatio, timeReplicates } from '../replicates.ts';
import { type WeightFile, withWeightFile } from '../weights.ts';
import { describeDepth, measuredLayers, partsOf, wholeSeconds } from './depth.ts';
import { type DecoderVariant, timedDecoder, type Workload } from './graph.ts';

export interface BenchDecodersOptions extends BenchOptions {
  /** Decoders of the same sizes, by different names. The first one's depth decides how many layers are run. */
  readonly variants: readonly [DecoderVariant, ...DecoderVariant[]];
  /** Which variants' times are divided by which other's. */
  readonly comparisons: readonly { readonly variant: string; readonly relativeTo: string }[];
  readonly workloads: readonly Workload[];
  /** Which matrices lie `[in, out]`, by canonical name, as a model stores them. Default: none. */
  readonly like?: Storage | undefined;
  /** At most so many parameters of layers are run; what is deeper is composed. Default 2²⁷. */
  readonly layerParameters?: number | undefined;
  /** How long each workload is measured. Default 20. */
  readonly seconds?: number | undefined;
}

export interface DecoderTimes extends Workload {
  /** Rounds over all replicates. */
  readonly rounds: number;
  /** The median over replicates of the median over rounds, by variant. */
  readonly milliseconds: ReadonlyMap<string, number>;
  /** In the order of `comparisons`. */
  readonly ratios: readonly (TimeRatio & { readonly variant: string; readonly relativeTo: string })[];
}

export interface DecoderBenchmark {
  readonly runtimeLabel: string;
  /** How many layers were run. */
  readonly layers: number;
  /** How the times were found, in one sentence. */
  readonly composed: string;
  /** How often all sessions were created anew. */
  readonly replicates: number;
  readonly workloads: readonly DecoderTimes[];
}

const replicateCount = 4;

/**
 * Times variants of one decoder, interleaved, for each workload: the whole decoder where its layers are small enough, else
 * some of its layers, from which the whole is composed round by round.
 *
 * Weights are random, in one file that all sessions map, and no session keeps rearranged copies: as models' own sessions
 * have it, so that memory holds the weights once. Everything is done four times with new sessions, and intervals are
 * over these. Throws InputError for bad options, for what doesn't fit in memory and for what is too small to be timed.
 */
export async function benchDecoders(options: BenchDecodersOptions): Promise<DecoderBenchmark> {
  const { variants, comparisons, threads, signal, onProgress, engine = cpuEngine() } = options;
  const seconds = requireSeconds(options.seconds ?? 20);
  checkNames(variants, comparisons);
  const { numLayers } = variants[0].spec;
  const layers = measuredLayers(variants[0].spec, options.layerParameters ?? 2 ** 27);
  const workloads: DecoderTimes[] = [];
  for (const [index, workload] of options.workloads.entries()) {
    signal?.throwIfAborted();
    const what = workload.tokens === 1 ? 'one token' : `prompt of ${workload.tokens}`;
    const report = (fraction: number) =>
      onProgress?.({ what, fraction: (index + fraction) / options.workloads.length });
    report(0);
    const parts = timedParts(variants, layers, workload, { like: options.like ?? new Map(), engine });
    requireMemory(
      `timing ${variants.length} variants of the model`,
      bytesNeeded(parts, workload),
      process.availableMemory(),
      'Take fewer tokens, or a machine with more',
    );
    const replicates = await timeParts(parts, engine, { threads, seconds, signal, report });
    const whole = (name: string) =>
      replicates.map((timings) => wholeSeconds((part) => secondsOf(timings, partName(name, part)), numLayers, layers));
    workloads.push({
      ...workload,
      rounds: replicates.reduce((total, { rounds }) => total + rounds, 0),
      milliseconds: new Map(variants.map(({ name }) => [name, 1e3 * medianOverReplicates(whole(name))])),
      ratios: comparisons.map(({ variant, relativeTo }) => {
        const reference = whole(relativeTo);
        const pairs = whole(variant).map((own, i) => [own, reference[i] ?? own] as const);
        return { variant, relativeTo, ...ratioOverReplicates(pairs) };
      }),
    });
  }
  return {
    runtimeLabel: runtimeLabel(engine, threads),
    layers,
    composed: describeDepth(numLayers, layers),
    replicates: replicateCount,
    workloads,
  };
}

function checkNames(variants: readonly DecoderVariant[], comparisons: BenchDecodersOptions['comparisons']): void {
  const names = new Set(variants.map(({ name }) => name));
  if (names.size < variants.length) throw new InputError('bench: two variants of the model have the same name');
  const unknown = comparisons
    .flatMap(({ variant, relativeTo }) => [variant, relativeTo])
    .find((name) => !names.has(name));
  if (unknown !== undefined) throw new InputError(`bench: there is no variant "${unknown}" of the model to compare`);
}

interface Part {
  readonly name: string;
  readonly spec: DecoderSpec;
  readonly decoder: ReturnType<typeof timedDecoder>;
}

function partName(variant: string, part: string): string {
  return `${variant}: ${part}`;
}

function timedParts(
  variants: readonly DecoderVariant[],
  layers: number,
  workload: Workload,
  { like, engine }: { readonly like: Storage; readonly engine: Engine },
): readonly Part[] {
  const fusedTransposes = engine.name === 'cpu';
  return variants.flatMap((variant) =>
    Object.entries(partsOf(variant.spec, layers)).map(([part, spec]) => ({
      name: partName(variant.name, part),
      spec,
      decoder: timedDecoder({ ...variant, spec }, workload, { like, fusedTransposes }),
    })),
  );
}

function weightElements({ decoder }: Part): number {
  return [...decoder.weights.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
}

/** The weights once, and for each session the scores, their mask, the activations of the widest places and the cache. */
function bytesNeeded(parts: readonly Part[], { tokens, cached }: Workload): number {
  const sessions = parts.map(({ spec: { attention, mlp, hiddenSize, vocabularySize, numLayers } }) => {
    const wide = Math.max(mlp.innerSize, mlp.experts?.sharedInnerSize ?? 0, attention.numHeads * attention.headSize);
    const scores = (3 * attention.numHeads + 4) * tokens * (tokens + cached);
    const cache = 2 * numLayers * cached * attention.numKeyValueHeads * attention.headSize;
    return scores + cache + tokens * (8 * hiddenSize + 4 * wide) + vocabularySize;
  });
  return 4 * (Math.max(...parts.map(weightElements)) + sessions.reduce((sum, elements) => sum + elements, 0));
}

async function timeParts(
  parts: readonly Part[],
  engine: Engine,
  { threads, seconds, signal, report }: TimingOptions,
): Promise<readonly Timings[]> {
  return await withWeightFile(Math.max(...parts.map(weightElements)), async (file) => {
    signal?.throwIfAborted();
    return await timeReplicates(
      parts.map((part) => candidateOf(part, engine, file, threads)),
      {
        replicates: replicateCount,
        seconds,
        random: createRandom('bench decoders'),
        signal,
        onFraction: report,
      },
    );
  });
}

function candidateOf({ name, decoder }: Part, engine: Engine, file: WeightFile, threads: number | undefined) {
  const { bytes, feeds } = decoder.model(file.tensors(decoder.weights));
  const options = { ...sessionOptions(threads), prepacking: false, externalDataFolder: file.folder };
  return { name, feeds, create: () => engine.createSession(bytes, options) };
}
