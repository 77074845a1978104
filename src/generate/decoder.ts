import { InputError } from '../core/errors.ts';
import { cpuEngine, type Engine, type EngineTensor, type EngineUse, engineUse, type Session } from '../engine/index.ts';
import type { Tensor } from '../graph/index.ts';
import {
  buildDecoding,
  cacheSize,
  createModelSession,
  type DecoderSpec,
  type DecodingGraph,
  type Model,
} from '../models/index.ts';
import { createCache, type KeyValueCache, parts } from './cache.ts';

/** A model with a key-value cache, and the one sequence that it was fed so far. */
export interface DecodingSession {
  readonly vocabularySize: number;
  /** How many positions it can hold in all. */
  readonly context: number;
  /** How many positions were fed. */
  readonly length: number;
  /**
   * Feeds ids after those already fed; returns the logits of the last one, `[vocabularySize]`.
   *
   * Throws InputError for ids that the vocabulary lacks and for more of them than the context has room for.
   */
  feed(ids: readonly number[], signal?: AbortSignal): Promise<Float32Array>;
  /** Forgets everything that was fed. */
  reset(): void;
  /** What computes, with the nodes per provider once something was fed. */
  engineUse?(): EngineUse;
  /** Frees the engine's memory. */
  release(): Promise<void>;
}

export interface DecodingSessionOptions {
  /** How many positions to make room for; at most as many as the model has. */
  readonly context: number;
  readonly threads?: number | undefined;
  /** Default: ONNX Runtime on this machine's processors. */
  readonly engine?: Engine | undefined;
}

/** A long prompt is computed in pieces of so many tokens: the scores of all at once would take memory with the square of its length. */
const pieceLength = 512;

/** Rotary positions take a table of all that a session has room for: half a gigabyte here, for heads of 128. */
const mostPositions = 2 ** 20;

/**
 * Opens a model for decoding in float32. The model's checkpoint must stay open until the session is there.
 *
 * Throws InputError for a context longer than the model's positions or than 2^20.
 */
export async function openDecodingSession(model: Model, options: DecodingSessionOptions): Promise<DecodingSession> {
  const { spec, storage } = model;
  const { context, threads, engine = cpuEngine() } = options;
  if (spec.maxPositions !== null && context > spec.maxPositions) {
    throw new InputError(`${model.folder}: has ${spec.maxPositions} positions, ${context} were asked for`);
  }
  if (context > mostPositions) {
    throw new InputError(
      `generate: ${context} positions for the prompt and what follows are too many, at most ${mostPositions} are possible; ask for fewer tokens`,
    );
  }
  const graph = buildDecoding(spec, { storage, context });
  const session = await createModelSession(model, outputsOf(graph), { engine, threads });
  const neverEmpty = engine.name === 'webgpu';
  const cache = createCache({ layers: spec.numLayers, ...cacheSize(spec), context, neverEmpty });
  return decodingSession(spec, { cache, context, engine, session });
}

/** What a decoding graph gives, by name: `logits`, and `entry.0.keys` and the like for the cache. */
export function outputsOf({ logits, entries }: DecodingGraph): Readonly<Record<string, Tensor>> {
  const kept = entries.flatMap((entry, layer) =>
    parts.map((part): readonly [string, Tensor] => [`entry.${layer}.${part}`, entry[part]]),
  );
  return { logits, ...Object.fromEntries(kept) };
}

interface Parts {
  readonly cache: KeyValueCache;
  readonly context: number;
  readonly engine: Engine;
  readonly session: Session;
}

function decodingSession({ vocabularySize }: DecoderSpec, { cache, context, engine, session }: Parts): DecodingSession {
  async function feedPiece(ids: readonly number[]): Promise<Float32Array> {
    const { length: count } = ids;
    const results = await session.run({
      ...cache.feeds(),
      input_ids: ints(ids, [1, count]),
      positions: ints(
        ids.map((_, i) => cache.length + i),
        [count],
      ),
      selection: ints([count - 1], [1]),
    });
    const { logits, ...entries } = results;
    if (logits?.dtype !== 'float32') throw new Error('generate: the engine gave no float32 logits');
    cache.append(entries, count);
    return logits.data;
  }

  return {
    vocabularySize,
    context,
    get length() {
      return cache.length;
    },
    async feed(ids, signal) {
      checkIds(ids, vocabularySize);
      if (ids.length === 0) throw new InputError('generate: no ids to feed, expected at least one');
      if (cache.length + ids.length > context) {
        throw new InputError(
          `generate: ${ids.length} ids after ${cache.length} others do not fit the context of ${context} positions`,
        );
      }
      let logits: Float32Array = new Float32Array();
      for (let start = 0; start < ids.length; start += pieceLength) {
        signal?.throwIfAborted();
        logits = await feedPiece(ids.slice(start, start + pieceLength));
      }
      return logits;
    },
    reset: () => cache.clear(),
    engineUse: () => engineUse(engine, session),
    release: () => session.release(),
  };
}

function checkIds(ids: readonly number[], vocabularySize: number): void {
  const wrong = ids.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabularySize);
  if (wrong === undefined) return;
  throw new InputError(`generate: the id ${wrong} is not in the vocabulary, whose ids are 0 to ${vocabularySize - 1}`);
}

function ints(values: readonly number[], shape: readonly number[]): EngineTensor {
  return { dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) };
}
