import type { Random } from '../core/random.ts';
import type { Engine, EngineOptions, EngineTensor, Session } from '../engine/index.ts';
import {
  type AdamWOptions,
  adamw,
  adamwScalars,
  crossEntropy,
  emitOnnx,
  encodeModel,
  globalNormClip,
  gradients,
  input,
  mean,
  reshape,
  type Tensor,
} from '../graph/index.ts';
import { buildDecoder, type DecoderSpec, decoderParameters } from '../models/index.ts';
import { initialParameter } from './model.ts';
import { type Chunk, packParameters, packTensors, unpackTensors } from './packing.ts';

/** What the optimizer does at every step. */
export interface OptimizerConfig extends AdamWOptions {
  readonly epsilon: number;
  readonly weightDecay: number;
  /** The gradients' global norm is cut to this; null leaves it. */
  readonly clip: number | null;
}

/** The optimizer's state: one flat float32 array for each chunk. */
export interface TrainState {
  readonly parameters: readonly Float32Array[];
  readonly firstMoments: readonly Float32Array[];
  readonly secondMoments: readonly Float32Array[];
}

/** The state that training starts with: every parameter drawn from a stream of its own name, the moments at zero. */
export function initialState(spec: DecoderSpec, chunks: readonly Chunk[], random: Random): TrainState {
  const zeros = () => chunks.map((chunk) => new Float32Array(chunk.size));
  const parameters = chunks.map((chunk) => {
    const flat = new Float32Array(chunk.size);
    let start = 0;
    for (const member of chunk.members) {
      const values = initialParameter(spec, member, random);
      flat.set(values, start);
      start += values.length;
    }
    return flat;
  });
  return { parameters, firstMoments: zeros(), secondMoments: zeros() };
}

/** One batch: ids `[batch, context]` and the ids that follow each of them. */
export interface Batch {
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}

export interface StepResult {
  readonly state: TrainState;
  /** Mean cross-entropy of the batch before the update, nats per token. */
  readonly loss: number;
  /** The gradients' global L2 norm before clipping. */
  readonly gradNorm: number;
}

export interface TrainStep {
  readonly chunks: readonly Chunk[];
  /** Runs forward, backward and the update number `t` (counted from 1) as one call of the engine. */
  run(state: TrainState, batch: Batch, t: number, learningRate: number): Promise<StepResult>;
  readonly session: Session;
  release(): Promise<void>;
}

export interface StepShape {
  readonly batch: number;
  readonly context: number;
}

const stateParts = ['parameters', 'firstMoments', 'secondMoments'] as const;

/** Compiles one training step: forward, backward, clipping and AdamW in one graph, the state going in and out. */
export async function createTrainStep(
  spec: DecoderSpec,
  shape: StepShape,
  optimizer: OptimizerConfig,
  engine: Engine,
  engineOptions: EngineOptions = {},
): Promise<TrainStep> {
  const chunks = packParameters(decoderParameters(spec));
  const outputs = trainStepGraph(spec, shape, optimizer, chunks);
  const session = await engine.createSession(encodeModel(emitOnnx(outputs)), engineOptions);
  return {
    chunks,
    session,
    release: () => session.release(),
    async run(state, batch, t, learningRate) {
      const scalars = adamwScalars(t, optimizer, { ...optimizer, learningRate });
      const feeds: Record<string, EngineTensor> = {
        input_ids: idTensor(batch.inputs, shape),
        labels: idTensor(batch.targets, shape),
        stepSize: floatTensor(Float32Array.of(scalars.stepSize)),
        epsilon: floatTensor(Float32Array.of(scalars.epsilon)),
        decay: floatTensor(Float32Array.of(scalars.decay)),
      };
      for (const part of stateParts) {
        for (const [i, data] of state[part].entries()) {
          feeds[`${part}.${i}`] = floatTensor(data);
        }
      }
      const results = await session.run(feeds);
      const read = (part: string) => chunks.map((_, i) => floats(results, `next.${part}.${i}`));
      return {
        state: {
          parameters: read('parameters'),
          firstMoments: read('firstMoments'),
          secondMoments: read('secondMoments'),
        },
        loss: floats(results, 'loss')[0] ?? Number.NaN,
        gradNorm: floats(results, 'gradNorm')[0] ?? Number.NaN,
      };
    },
  };
}

/** The step's graph by output name. */
export function trainStepGraph(
  spec: DecoderSpec,
  { batch, context }: StepShape,
  optimizer: OptimizerConfig,
  chunks: readonly Chunk[],
): Readonly<Record<string, Tensor>> {
  const flat = (part: string) => chunks.map((chunk, i) => input(`${part}.${i}`, 'float', [chunk.size]));
  const states = {
    parameters: flat('parameters'),
    firstMoments: flat('firstMoments'),
    secondMoments: flat('secondMoments'),
  };
  const parameters = new Map(chunks.flatMap((chunk, i) => [...unpackTensors(chunk, entry(states.parameters, i))]));
  const decoder = buildDecoder(spec, { batch, sequence: context, parameter: (name) => named(parameters, name) });
  const labels = input('labels', 'int', [batch, context]);
  const loss = reshape(mean(crossEntropy(decoder.logits, labels)), [1]);

  const names = [...parameters.keys()];
  const ofNames = gradients(
    loss,
    names.map((name) => named(parameters, name)),
  );
  const gradientOf = new Map(names.map((name, i) => [name, entry(ofNames, i)]));
  const packed = chunks.map((chunk) => packTensors(chunk, gradientOf));
  const { norm, factor } = globalNormClip(packed, optimizer.clip);
  const scalar = (name: string) => input(name, 'float', [1]);
  const scalars = { stepSize: scalar('stepSize'), epsilon: scalar('epsilon'), decay: scalar('decay') };

  const outputs: Record<string, Tensor> = { loss, gradNorm: norm };
  for (const [i, chunk] of chunks.entries()) {
    const state = {
      parameter: entry(states.parameters, i),
      firstMoment: entry(states.firstMoments, i),
      secondMoment: entry(states.secondMoments, i),
    };
    const next = adamw(state, entry(packed, i), factor, scalars, optimizer, chunk.decays);
    outputs[`next.parameters.${i}`] = next.parameter;
    outputs[`next.firstMoments.${i}`] = next.firstMoment;
    outputs[`next.secondMoments.${i}`] = next.secondMoment;
  }
  return outputs;
}

export interface Evaluator {
  /** The mean cross-entropy over batches, nats per token. Throws the signal's reason once it is aborted. */
  run(parameters: readonly Float32Array[], batches: readonly Batch[], signal?: AbortSignal): Promise<number>;
  release(): Promise<void>;
}

/** Compiles the loss alone, for held-out text. */
export async function createEvaluator(
  spec: DecoderSpec,
  shape: StepShape,
  chunks: readonly Chunk[],
  engine: Engine,
  engineOptions: EngineOptions = {},
): Promise<Evaluator> {
  const { decoder, feed } = forwardGraph(spec, shape, chunks);
  const labels = input('labels', 'int', [shape.batch, shape.context]);
  const loss = reshape(mean(crossEntropy(decoder.logits, labels)), [1]);
  const session = await engine.createSession(encodeModel(emitOnnx({ loss })), engineOptions);
  return {
    release: () => session.release(),
    async run(parameters, batches, signal) {
      let total = 0;
      for (const batch of batches) {
        signal?.throwIfAborted();
        const results = await session.run({
          ...feed(parameters, batch.inputs),
          labels: idTensor(batch.targets, shape),
        });
        total += floats(results, 'loss')[0] ?? Number.NaN;
      }
      return total / batches.length;
    },
  };
}

export interface LogitsModel {
  /** ids `[batch, context]` to logits `[batch, context, vocabularySize]` */
  run(parameters: readonly Float32Array[], ids: Int32Array): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Compiles the logits alone, to sample from. */
export async function createLogits(
  spec: DecoderSpec,
  shape: StepShape,
  chunks: readonly Chunk[],
  engine: Engine,
  engineOptions: EngineOptions = {},
): Promise<LogitsModel> {
  const { decoder, feed } = forwardGraph(spec, shape, chunks);
  const session = await engine.createSession(encodeModel(emitOnnx({ logits: decoder.logits })), engineOptions);
  return {
    release: () => session.release(),
    run: async (parameters, ids) => floats(await session.run(feed(parameters, ids)), 'logits'),
  };
}

/** The forward graph over packed parameters, and what feeds it. */
function forwardGraph(spec: DecoderSpec, shape: StepShape, chunks: readonly Chunk[]) {
  const flat = chunks.map((chunk, i) => input(`parameters.${i}`, 'float', [chunk.size]));
  const tensors = new Map(chunks.flatMap((chunk, i) => [...unpackTensors(chunk, entry(flat, i))]));
  const decoder = buildDecoder(spec, {
    batch: shape.batch,
    sequence: shape.context,
    parameter: (name) => named(tensors, name),
  });
  const feed = (parameters: readonly Float32Array[], ids: Int32Array): Record<string, EngineTensor> => ({
    input_ids: idTensor(ids, shape),
    ...Object.fromEntries(parameters.map((data, i) => [`parameters.${i}`, floatTensor(data)])),
  });
  return { decoder, feed };
}

function floatTensor(data: Float32Array): EngineTensor {
  return { dtype: 'float32', shape: [data.length], data };
}

/** Ids as the engine takes them: int64 `[batch, context]`. */
export function idTensor(ids: Int32Array, { batch, context }: StepShape): EngineTensor {
  return { dtype: 'int64', shape: [batch, context], data: BigInt64Array.from(ids, (id) => BigInt(id)) };
}

function floats(results: Readonly<Record<string, EngineTensor>>, name: string): Float32Array {
  const tensor = results[name];
  if (tensor?.dtype !== 'float32') throw new Error(`train: the step returned no float32 ${name}`);
  return tensor.data;
}

function entry<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`train: nothing at ${index}`);
  return item;
}

function named(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new Error(`train: no parameter ${name}`);
  return tensor;
}
