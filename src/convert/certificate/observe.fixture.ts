import type { Engine } from '../../engine/index.ts';
import { emitOnnx, encodeModel, evaluate, makeValue, type Tensor, type Value } from '../../graph/index.ts';
import {
  buildDecoder,
  canonicalStorage,
  type DecoderGraph,
  type DecoderSpec,
  decoderParameters,
  openModel,
  type ParameterDeclaration,
  type Storage,
  type StoredAs,
} from '../../models/index.ts';
import { type ParameterValues, storedParameters } from '../rules/apply.ts';
import { readParameterValues } from '../rules/values.ts';
import type { InputIds } from './decoder.ts';
import type { LogitDifference } from './schema.ts';

/** A decoder that is in memory as a whole, in float64, by canonical name. */
export interface MemoryDecoder {
  readonly spec: DecoderSpec;
  readonly parameters: ParameterValues;
}

/** What a model computed: logits `[positions, vocabularySize]`, and the stream's mean after the embeddings and each layer. */
export interface Observation {
  readonly vocabularySize: number;
  readonly logits: Float64Array;
  readonly residualMeans: readonly number[];
}

/** Reads the decoder of a model's folder into memory. */
export async function readDecoder(folder: string): Promise<MemoryDecoder> {
  const model = await openModel(folder);
  try {
    const parameters = await readParameterValues(model.spec, storedParameters(model.checkpoint, model.storage));
    return { spec: model.spec, parameters };
  } finally {
    await model.checkpoint.close();
  }
}

/** Runs a whole decoder in float64, op by op, as the catalogue defines the ops: what certificates, which do it in pieces, must agree with. */
export function observe({ spec, parameters }: MemoryDecoder, inputIds: InputIds): Observation {
  // The evaluator's product reads rows of both factors: linears are best as they are, and nothing is copied.
  const graph = graphOf(spec, inputIds, canonicalStorage(spec));
  const ids = makeValue('int', [inputIds.length, inputIds[0]?.length ?? 0], inputIds.flat());
  const [logits, ...streams] = evaluate([graph.logits, ...streamOf(graph)], {
    ...feedsOf(spec, parameters, (_, value) => value),
    input_ids: ids,
  });
  if (logits === undefined) throw new Error('convert: the graph has no logits');
  return observation(spec, logits.data, streams);
}

/** Runs a decoder in the float32 engine, its parameters rounded to float32. */
export async function observeInEngine(
  engine: Engine,
  { spec, parameters }: MemoryDecoder,
  inputIds: InputIds,
): Promise<Observation> {
  const storage = new Map(decoderParameters(spec).map((parameter) => [parameter.name, placeOf(parameter)]));
  const graph = graphOf(spec, inputIds, storage);
  const streams = streamOf(graph);
  const names = streams.map((_, i) => `stream_${i}`);
  const outputs = { logits: graph.logits, ...Object.fromEntries(streams.map((stream, i) => [names[i], stream])) };
  const session = await engine.createSession(encodeModel(emitOnnx(outputs)));
  try {
    const ids = BigInt64Array.from(inputIds.flat(), BigInt);
    const results = await session.run({
      ...feedsOf(spec, parameters, (parameter, value) =>
        float32Of(placeOf(parameter).transposed ? transposed(value) : value),
      ),
      input_ids: { dtype: 'int64', shape: [inputIds.length, inputIds[0]?.length ?? 0], data: ids },
    });
    const read = (name: string): Value => {
      const tensor = results[name];
      if (tensor?.dtype !== 'float32') throw new Error(`convert: the engine gave no float32 ${name}`);
      return makeValue('float', tensor.shape, tensor.data);
    };
    return observation(spec, read('logits').data, names.map(read));
  } finally {
    await session.release();
  }
}

function graphOf(spec: DecoderSpec, inputIds: InputIds, storage: Storage): DecoderGraph {
  return buildDecoder(spec, { batch: inputIds.length, sequence: inputIds[0]?.length ?? 0, storage });
}

/** Linears go into the engine's graph as `[inSize, outSize]`, which it would otherwise transpose itself. */
function placeOf({ name, shape, part }: ParameterDeclaration): StoredAs {
  return { tensor: name, transposed: part.type === 'linear' && shape.length === 2 };
}

function feedsOf<T>(
  spec: DecoderSpec,
  parameters: ParameterValues,
  convert: (parameter: ParameterDeclaration, value: Value) => T,
): Readonly<Record<string, T>> {
  const entries = decoderParameters(spec).map((parameter) => {
    const value = parameters.get(parameter.name);
    if (value === undefined) throw new Error(`convert: the decoder has no parameter ${parameter.name}`);
    return [parameter.name, convert(parameter, value)] as const;
  });
  return Object.fromEntries(entries);
}

function transposed({ dtype, shape: [rows = 0, columns = 0], data }: Value): Value {
  const result = new Float64Array(data.length);
  // Tiles, so that reads and writes both stay in the cache.
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    for (let left = 0; left < columns; left += tile) {
      const bottom = Math.min(rows, top + tile);
      const right = Math.min(columns, left + tile);
      for (let i = top; i < bottom; i++) {
        for (let j = left; j < right; j++) result[j * rows + i] = data[i * columns + j] ?? Number.NaN;
      }
    }
  }
  return { dtype, shape: [columns, rows], data: result };
}

function streamOf(graph: DecoderGraph): readonly Tensor[] {
  return [...graph.hiddenStates.slice(0, -1), graph.lastBlockOut];
}

function float32Of({ shape, data }: Value) {
  return { dtype: 'float32', shape, data: Float32Array.from(data) } as const;
}

function observation(spec: DecoderSpec, logits: Float64Array, streams: readonly Value[]): Observation {
  const residualMeans = streams.map(({ data }) => largestMean(data, spec));
  return { vocabularySize: spec.vocabularySize, logits, residualMeans };
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

/** How far `observed` is from `reference`. */
export function differenceOf(reference: Observation, observed: Observation): LogitDifference {
  const { vocabularySize } = reference;
  const positions = reference.logits.length / vocabularySize;
  let maxAbsLogit = 0;
  let squaredError = 0;
  let squares = 0;
  let kl = 0;
  let agreements = 0;
  for (let position = 0; position < positions; position++) {
    const p = reference.logits.subarray(position * vocabularySize, (position + 1) * vocabularySize);
    const q = observed.logits.subarray(position * vocabularySize, (position + 1) * vocabularySize);
    for (let i = 0; i < p.length; i++) {
      const logit = p[i] ?? Number.NaN;
      const error = (q[i] ?? Number.NaN) - logit;
      // Math.max keeps a NaN, so that no check passes over it.
      maxAbsLogit = Math.max(maxAbsLogit, Math.abs(error));
      squaredError += error * error;
      squares += logit * logit;
    }
    kl += divergence(p, q);
    if (indexOfMax(p) === indexOfMax(q)) agreements++;
  }
  return {
    maxAbsLogit,
    nmse: squaredError === 0 ? 0 : squaredError / squares,
    kl: kl / positions,
    top1Agreement: agreements / positions,
  };
}

/** KL(softmax(p) ‖ softmax(q)) = Σ softmax(p)·(p − q) − log Σexp(p) + log Σexp(q), in nats. */
function divergence(p: Float64Array, q: Float64Array): number {
  const logP = logSumExp(p);
  const logQ = logSumExp(q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) {
    const x = (p[i] ?? Number.NaN) - logP;
    const y = (q[i] ?? Number.NaN) - logQ;
    sum += Math.exp(x) * (x - y);
  }
  return sum;
}

/** ln Σ exp(x), without overflow. */
function logSumExp(row: Float64Array): number {
  const max = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  let sum = 0;
  for (const value of row) sum += Math.exp(value - max);
  return max + Math.log(sum);
}

function indexOfMax(row: Float64Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] ?? Number.NaN) > (row[best] ?? Number.NaN)) best = i;
  return best;
}
