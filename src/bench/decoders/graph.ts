import { sizeOf } from '../../core/shape.ts';
import type { EngineTensor } from '../../engine/index.ts';
import { emitOnnx, encodeModel, type OnnxExternalTensor, type OnnxModel } from '../../graph/index.ts';
import { buildDecoding, cacheSize, canonicalStorage, type DecoderSpec, type Storage } from '../../models/index.ts';
import { ordinaryNumbers } from '../data.ts';

/** One run of a decoder with a key-value cache: `tokens` new positions after `cached` ones. */
export interface Workload {
  readonly tokens: number;
  readonly cached: number;
}

/** A decoder to be timed. */
export interface DecoderVariant {
  readonly name: string;
  readonly spec: DecoderSpec;
  /** Its norms written without the engine's fused operators (`NormKind.lowerPlain`). Default false. */
  readonly plainNorms?: boolean | undefined;
}

/** A variant's graph, and the shapes of its weights by name, in the order in which they are read. */
export interface TimedDecoder {
  readonly weights: ReadonlyMap<string, readonly number[]>;
  /** The encoded model with its weights where `tensors` says, and what a run is fed. */
  model(tensors: ReadonlyMap<string, OnnxExternalTensor>): {
    readonly bytes: Uint8Array;
    readonly feeds: Readonly<Record<string, EngineTensor>>;
  };
}

/** A decoder as `normlab generate` runs it, for one workload. `like` says which matrices a model stores as `[in, out]`. */
export function timedDecoder(
  { spec, plainNorms = false }: DecoderVariant,
  workload: Workload,
  { like, fusedTransposes }: { readonly like: Storage; readonly fusedTransposes: boolean },
): TimedDecoder {
  const context = workload.cached + workload.tokens;
  const graph = buildDecoding(spec, { storage: storageLike(spec, like), context });
  const weights = new Map([...graph.parameters].map(([name, { shape }]) => [name, shape.map(Number)]));
  return {
    weights,
    model(initializers) {
      const onnx = emitOnnx({ logits: graph.logits }, { initializers, fusedTransposes, plainNorms });
      return { bytes: encodeModel(onnx), feeds: feedsOf(onnx, spec, workload) };
    },
  };
}

/** Every parameter by itself, matrices the way round that the model stores them. */
function storageLike(spec: DecoderSpec, like: Storage): Storage {
  return new Map(
    [...canonicalStorage(spec)].map(([name, stored]) => [
      name,
      { ...stored, transposed: like.get(name)?.transposed ?? false },
    ]),
  );
}

function feedsOf(
  { graph }: OnnxModel,
  spec: DecoderSpec,
  { tokens, cached }: Workload,
): Readonly<Record<string, EngineTensor>> {
  const { heads, keys, values } = cacheSize(spec);
  const slots = (width: number, stream: number): EngineTensor => {
    const shape = [1, heads, cached, width];
    return { dtype: 'float32', shape, data: ordinaryNumbers(sizeOf(shape), 1, 0, stream) };
  };
  const known: Readonly<Record<string, () => EngineTensor>> = {
    // A prime step spreads the ids over the table.
    input_ids: () => ids([1, tokens], (i) => (i * 7919) % spec.vocabularySize),
    positions: () => ids([tokens], (i) => cached + i),
    cache_positions: () => ids([cached], (i) => i),
    selection: () => ids([1], () => tokens - 1),
  };
  return Object.fromEntries(
    graph.inputs.map(({ name }, i): [string, EngineTensor] => [
      name,
      known[name]?.() ?? slots(name.endsWith('.keys') ? keys : values, i),
    ]),
  );
}

function ids(shape: readonly number[], value: (index: number) => number): EngineTensor {
  const data = BigInt64Array.from({ length: sizeOf(shape) }, (_, i) => BigInt(value(i)));
  return { dtype: 'int64', shape, data };
}
