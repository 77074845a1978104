import type { Engine } from '../../engine/index.ts';
import { emitOnnx, encodeModel, evaluate, makeValue, type Tensor, type Value } from '../../graph/index.ts';
import { buildDecoder, type DecoderGraph, type DecoderSpec } from '../../models/index.ts';
import type { ParameterValues } from '../rules/apply.ts';
import type { Observation } from './difference.ts';

/** A decoder with its parameters in float64, by canonical name. */
export interface Decoder {
  readonly spec: DecoderSpec;
  readonly parameters: ParameterValues;
}

/** Token ids `[batch, sequence]`. */
export type InputIds = readonly (readonly number[])[];

/** Runs a decoder in float64, op by op, as the catalogue defines the ops. */
export function observe({ spec, parameters }: Decoder, inputIds: InputIds): Observation {
  const graph = graphOf(spec, inputIds);
  const ids = makeValue('int', [inputIds.length, inputIds[0]?.length ?? 0], inputIds.flat());
  const [logits, ...streams] = evaluate([graph.logits, ...streamOf(graph)], {
    ...Object.fromEntries(parameters),
    input_ids: ids,
  });
  if (logits === undefined) throw new Error('convert: the graph has no logits');
  return observation(spec, logits.data, streams);
}

/** Runs a decoder in the float32 engine, its parameters rounded to float32. */
export async function observeInEngine(
  engine: Engine,
  { spec, parameters }: Decoder,
  inputIds: InputIds,
): Promise<Observation> {
  const graph = graphOf(spec, inputIds);
  const streams = streamOf(graph);
  const names = streams.map((_, i) => `stream_${i}`);
  const outputs = { logits: graph.logits, ...Object.fromEntries(streams.map((stream, i) => [names[i], stream])) };
  const session = await engine.createSession(encodeModel(emitOnnx(outputs)));
  try {
    const ids = BigInt64Array.from(inputIds.flat(), BigInt);
    const results = await session.run({
      ...Object.fromEntries([...parameters].map(([name, value]) => [name, float32Of(value)])),
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

function graphOf(spec: DecoderSpec, inputIds: InputIds): DecoderGraph {
  return buildDecoder(spec, { batch: inputIds.length, sequence: inputIds[0]?.length ?? 0 });
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
