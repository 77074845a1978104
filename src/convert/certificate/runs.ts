import type { FloatDType } from '../../core/dtype.ts';
import { sizeOf } from '../../core/shape.ts';
import { makeValue, type Value } from '../../graph/index.ts';
import { buildPiece, type DecoderSpec, type PieceGraph } from '../../models/index.ts';
import { matrixOf } from '../rules/matrix.ts';
import type { Parameters } from '../rules/steps.ts';
import type { Arithmetic, Compute } from './arithmetic.ts';
import { type Decoder, type InputIds, readNarrowed, withHead } from './decoder.ts';
import { compareLogits, type LogitComparison } from './difference.ts';
import { floorSeeds, perturb } from './floor.ts';
import { type LogitTally, tallyLogits } from './logits.ts';
import { type NarrowedParameter, parametersOf, type Stage, usedIds } from './stages.ts';

/** One way to compute one decoder, on its way from the embeddings to the logits. */
export interface Run {
  readonly spec: DecoderSpec;
  readonly compute: Compute;
  /** Gives what a stage uses of a parameter. */
  readonly read: (parameter: NarrowedParameter) => Promise<Value>;
  readonly tally: LogitTally;
  /** With the logits of the reference. */
  readonly comparison: LogitComparison;
  /** The largest |mean over the hidden dimension| of the stream after the embeddings and each block. */
  readonly residualMeans: number[];
  /** The stream, or what the head reads; undefined before the embeddings. */
  x: Value | undefined;
}

export interface Runs {
  readonly reference: Run;
  readonly sourceRun: Run;
  readonly perturbed: readonly Run[];
  /** Null where the exact weights of the second decoder are not known. */
  readonly algebra: Run | null;
  readonly stored: Run;
  readonly run: Run;
}

export interface RunsOptions {
  /** With a head of its own. */
  readonly source: Decoder;
  readonly rewritten: ReadonlyMap<string, FloatDType>;
  readonly exact: ((source: Parameters) => Decoder) | null;
  readonly written: Decoder;
  readonly inputIds: InputIds;
}

/** All that a certificate computes. Runs of the source take its parameters from `held`, where the stage's are. */
export function runsOf(
  { source, rewritten, exact, written, inputIds }: RunsOptions,
  arithmetic: Arithmetic,
  held: ReadonlyMap<string, Value>,
): Runs {
  const expected = tallyLogits(inputIds);
  const run = ({ spec }: Decoder, compute: Compute, read: Run['read'], tally = tallyLogits(inputIds)): Run => ({
    spec,
    compute,
    read,
    tally,
    comparison: compareLogits(expected, tally),
    residualMeans: [],
    x: undefined,
  });
  const scratch = new Map<string, Float64Array>();
  const fromMemory = async ({ name }: NarrowedParameter): Promise<Value> => {
    const value = held.get(name);
    if (value === undefined) throw new Error(`convert: ${name} is not in memory`);
    return value;
  };
  // One run is done with a stage's parameters before the next one perturbs them.
  const scratchFor = ({ name, shape }: NarrowedParameter): Float64Array => {
    const place = name.replace(/^blocks\.\d+\./, '');
    const known = scratch.get(place);
    const array = known?.length === sizeOf(shape) ? known : new Float64Array(sizeOf(shape));
    scratch.set(place, array);
    return array;
  };
  const perturbedBy = (seed: number) => async (parameter: NarrowedParameter) => {
    const dtype = rewritten.get(parameter.name);
    const value = await fromMemory(parameter);
    return dtype === undefined ? value : perturb(value, parameter, { dtype, seed, into: scratchFor(parameter) });
  };
  const from =
    ({ parameters }: Decoder) =>
    (parameter: NarrowedParameter) =>
      readNarrowed(parameters, parameter);
  const ideal = exact === null ? null : withHead(exact(preferring(held, source.parameters)));
  return {
    reference: run(source, arithmetic.exact, fromMemory, expected),
    sourceRun: run(source, arithmetic.float32, fromMemory),
    perturbed: Array.from({ length: floorSeeds }, (_, seed) => run(source, arithmetic.exact, perturbedBy(seed))),
    algebra: ideal === null ? null : run(ideal, arithmetic.exact, from(ideal)),
    stored: run(written, arithmetic.exact, from(written)),
    run: run(written, arithmetic.float32, from(written)),
  };
}

/** Parameters that are in memory as a whole are taken from there. */
function preferring(held: ReadonlyMap<string, Value>, parameters: Parameters): Parameters {
  return (name) => {
    const matrix = parameters(name);
    const data = held.get(name)?.data;
    return data?.length === matrix.rows * matrix.columns ? matrixOf(data, matrix.columns) : matrix;
  };
}

/** What a stage is computed by. */
export interface StageGraph extends PieceGraph {
  readonly uses: ReadonlyMap<string, NarrowedParameter>;
}

export function stageGraph(spec: DecoderSpec, stage: Stage, inputIds: InputIds): StageGraph {
  const uses = new Map(parametersOf(spec, stage, inputIds).map((parameter) => [parameter.name, parameter]));
  const rows = new Map(
    [...uses].flatMap(([name, { ranges, shape }]) => (ranges === undefined ? [] : [[name, shape[0] ?? 0]])),
  );
  const piece = buildPiece(spec, stage.piece, { batch: inputIds.length, sequence: inputIds[0]?.length ?? 0, rows });
  return { ...piece, uses };
}

/** Takes a run through a stage: the stream after it, what the head reads, or logits. */
export async function advance(
  run: Run,
  { kind }: Stage['piece'],
  graph: StageGraph,
  inputIds: InputIds,
): Promise<Value> {
  const output = await run.compute(graph.output, async (name) => {
    if (name === 'input_ids') return rowsOfIds(inputIds);
    if (name === 'x' && run.x !== undefined) return run.x;
    const parameter = graph.uses.get(graph.parameters.get(name) ?? '');
    if (parameter === undefined) throw new Error(`convert: a stage has no ${name}`);
    return run.read(parameter);
  });
  if (kind === 'logits') return output;
  run.x = output;
  if (kind !== 'end') run.residualMeans.push(largestMean(output.data, run.spec));
  return output;
}

/** For each token the row of its id among those of the token embedding that are read. */
function rowsOfIds(inputIds: InputIds): Value {
  const rows = new Map(usedIds(inputIds).map((id, row) => [id, row]));
  const ids = inputIds.flat().map((id) => rows.get(id) ?? Number.NaN);
  return makeValue('int', [inputIds.length, inputIds[0]?.length ?? 0], ids);
}

/** The largest |mean over the hidden dimension| of any row. */
function largestMean(stream: Float64Array, { streamSize, hiddenSize }: DecoderSpec): number {
  // The coordinate that a CRMSNorm model drops is minus the sum of the others.
  if (streamSize < hiddenSize) return 0;
  let largest = 0;
  for (let start = 0; start < stream.length; start += streamSize) {
    let sum = 0;
    for (let i = start; i < start + streamSize; i++) sum += stream[i] ?? Number.NaN;
    largest = Math.max(largest, Math.abs(sum / hiddenSize));
  }
  return largest;
}
