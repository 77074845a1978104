import { InputError } from '../../core/errors.ts';
import { createRandom } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import { cpuEngine, type Engine, type EngineTensor, measureMatmulPeak, type Session } from '../../engine/index.ts';
import { gpt3VocabularySize } from '../../models/index.ts';
import type { NormKind } from '../../norms/index.ts';
import { ordinaryNumbers } from '../data.ts';
import type { Timings } from '../interleave.ts';
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
import { timeReplicates } from '../replicates.ts';
import { type WeightFile, withWeightFile } from '../weights.ts';
import {
  blockGraph,
  embeddingGraph,
  encodePart,
  finalNormGraph,
  headGraph,
  type PartGraph,
  type PassShape,
} from './graphs.ts';
import { bytesNeeded } from './memory.ts';
import { type MeasuredParts, partNames, partsOf, shareOf, type TimeShare } from './results.ts';
import { type GptSize, gptSize, gptSizes } from './sizes.ts';

export interface BenchSharesOptions extends BenchOptions {
  /** Ids of `gptSizes`, or sizes of one's own. Default: all of `gptSizes`. */
  readonly sizes?: readonly (string | GptSize)[] | undefined;
  /** Ids of the catalogue; LayerNorm and `none` are always measured. Default: these, RMSNorm and CRMSNorm. */
  readonly norms?: readonly string[] | undefined;
  /** Default 512. */
  readonly tokens?: number | undefined;
  /** Default 1. */
  readonly batch?: number | undefined;
  /** Default GPT-3's 50257. */
  readonly vocabularySize?: number | undefined;
  /** How long each size is measured. Default 30. */
  readonly seconds?: number | undefined;
}

export interface ShareBenchmark {
  readonly runtimeLabel: string;
  /** 2·1024³ operations in the fastest run, 10⁹ per second. */
  readonly matmulGflops: number;
  readonly shares: readonly TimeShare[];
  readonly parts: readonly MeasuredParts[];
  /** The most memory that this process has ever held, in bytes. */
  readonly peakResidentBytes: number;
}

/** How often all sessions of a size are created anew. Loading the largest takes seconds. */
const replicateCount = 4;

/** The part of the vocabulary that the head is measured on. */
const headFraction = 1 / 8;

/** A batch reads few rows of the embedding: a small table takes the same time and less memory. */
const maxEmbeddingRows = 1024;

/**
 * Measures which share of a GPT-3's forward pass its norms take on this engine.
 *
 * One block is timed with every norm, in interleaved rounds with the embeddings, the final norm and a part of the head,
 * and the model is composed of them (`composeSeconds`) round by round, so that ratios keep the rounds' pairing. All of it
 * is done four times with new sessions, and intervals are over these. Weights are random.
 *
 * Throws InputError for bad options, for what doesn't fit in memory and for what is too small to be timed.
 */
export async function benchShares(options: BenchSharesOptions = {}): Promise<ShareBenchmark> {
  const { threads, signal, onProgress, engine = cpuEngine() } = options;
  const sizes = (options.sizes ?? gptSizes).map((size) => checkSize(typeof size === 'string' ? gptSize(size) : size));
  const kinds = normsOf(options.norms ?? ['rmsnorm', 'crmsnorm'], [baseline, 'none']);
  const tokens = requireWhole('tokens', options.tokens ?? 512);
  const batch = requireWhole('batch', options.batch ?? 1);
  const vocabularySize = requireWhole('vocabularySize', options.vocabularySize ?? gpt3VocabularySize, 2);
  const seconds = requireSeconds(options.seconds ?? 30);
  const pass = {
    batch,
    tokens,
    embeddingRows: Math.min(vocabularySize, maxEmbeddingRows),
    headColumns: Math.ceil(vocabularySize * headFraction),
  };
  for (const size of sizes) {
    requireMemory(
      `${size.name} with ${kinds.length} norms, batch ${batch}, ${tokens} tokens`,
      bytesNeeded(size, kinds.length, pass),
    );
  }

  const peak = await measureMatmulPeak(engine, {
    seconds: Math.min(seconds, 1),
    ...(threads === undefined ? {} : { threads }),
  });
  const shares: TimeShare[] = [];
  const parts: MeasuredParts[] = [];
  for (const [index, size] of sizes.entries()) {
    signal?.throwIfAborted();
    const report = (fraction: number) => onProgress?.({ what: size.name, fraction: (index + fraction) / sizes.length });
    report(0);
    const replicates = await timeSize(size, kinds, pass, engine, { threads, seconds, signal, report });
    const composition = { layers: size.layers, headSlices: vocabularySize / pass.headColumns };
    shares.push(shareOf(size, kinds, pass, composition, replicates));
    parts.push(partsOf(size, kinds, composition, replicates));
  }
  return {
    runtimeLabel: runtimeLabel(engine, threads),
    matmulGflops: peak.gflopsPerSecond,
    shares,
    parts,
    peakResidentBytes: process.resourceUsage().maxRSS * 1024,
  };
}

function checkSize(size: GptSize): GptSize {
  requireWhole('layers', size.layers);
  requireWhole('hiddenSize', size.hiddenSize, 2);
  requireWhole('heads', size.heads);
  if (size.hiddenSize % size.heads === 0) return size;
  throw new InputError(`bench shares: ${size.heads} heads do not divide the hidden size ${size.hiddenSize}`);
}

/** The parts of one size by the names under which they are timed. */
function partGraphs(size: GptSize, kinds: readonly NormKind[], pass: PassShape): ReadonlyMap<string, PartGraph> {
  return new Map([
    [partNames.embedding, embeddingGraph(size, pass)],
    [partNames.head, headGraph(size, pass)],
    ...kinds.flatMap((kind): [string, PartGraph][] => [
      [partNames.block(kind.id), blockGraph(size, kind, pass)],
      [partNames.finalNorm(kind.id), finalNormGraph(size, kind, pass)],
    ]),
  ]);
}

async function timeSize(
  size: GptSize,
  kinds: readonly NormKind[],
  pass: PassShape,
  engine: Engine,
  { threads, seconds, signal, report }: TimingOptions,
): Promise<readonly Timings[]> {
  const graphs = partGraphs(size, kinds, pass);
  const elements = Math.max(...[...graphs.values()].map(weightElements));
  return await withWeightFile(elements, async (file) => {
    signal?.throwIfAborted();
    const candidates = [...graphs].map(([name, graph]) => ({
      name,
      create: () => createPart(engine, graph, file, threads),
      feeds: feedsOf(graph, pass),
    }));
    return await timeReplicates(candidates, {
      replicates: replicateCount,
      seconds,
      random: createRandom(`bench shares ${size.name}`),
      signal,
      onFraction: report,
    });
  });
}

function weightElements({ weights }: PartGraph): number {
  return [...weights.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
}

function createPart(engine: Engine, graph: PartGraph, file: WeightFile, threads: number | undefined): Promise<Session> {
  const model = encodePart(graph, file.tensors(graph.weights));
  return engine.createSession(model, { ...sessionOptions(threads), externalDataFolder: file.folder });
}

function feedsOf({ input: { name, shape } }: PartGraph, { embeddingRows }: PassShape): Record<string, EngineTensor> {
  const count = sizeOf(shape);
  if (name === 'x') return { x: { dtype: 'float32', shape, data: ordinaryNumbers(count) } };
  // A prime step spreads the ids over the table.
  const ids = BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7919) % embeddingRows));
  return { input_ids: { dtype: 'int64', shape, data: ids } };
}
