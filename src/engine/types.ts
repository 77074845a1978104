import type { StaticShape } from '../core/shape.ts';
import type { ProfileSummary } from './profile.ts';

/** The array that holds a tensor's elements. float16 and bfloat16 are raw bits; bool is 0 or 1. */
export interface EngineArrays {
  readonly float64: Float64Array;
  readonly float32: Float32Array;
  readonly float16: Uint16Array;
  readonly int64: BigInt64Array;
  readonly int32: Int32Array;
  readonly int16: Int16Array;
  readonly int8: Int8Array;
  readonly uint64: BigUint64Array;
  readonly uint32: Uint32Array;
  readonly uint16: Uint16Array;
  readonly uint8: Uint8Array;
  readonly bool: Uint8Array;
}

/** The element types that can cross the border between JavaScript and the engine (bfloat16 can't). */
export type EngineDType = keyof EngineArrays;

/** A tensor outside of the engine, row-major; discriminated by `dtype`. */
export type EngineTensor = {
  [D in EngineDType]: { readonly dtype: D; readonly shape: StaticShape; readonly data: EngineArrays[D] };
}[EngineDType];

export interface EngineOptions {
  /** Threads inside one operator; default: the processors available to this process. */
  readonly threads?: number;
  /** Whether idle threads wait actively: faster on an idle machine, unkind on a busy one. Default true. */
  readonly spinning?: boolean;
  /** Collects times per node, which {@link Session.profile} returns. Default false. */
  readonly profile?: boolean;
  /** How far the engine may rewrite the graph. Default `all`. */
  readonly optimization?: 'disabled' | 'basic' | 'extended' | 'all';
  /** The folder to which the locations of external initializers are relative. */
  readonly externalDataFolder?: string;
  /**
   * Whether the engine keeps copies of matrices, rearranged for its kernels: products with a few rows at once are faster,
   * and weights that are used elsewhere too, or lie in files, are held twice. Default true.
   */
  readonly prepacking?: boolean;
  /** Whether the engine keeps what goes wrong in a run off the terminal: for runs that may fail. Default false. */
  readonly quiet?: boolean;
}

export const engineNames = ['cpu', 'webgpu'] as const;
export type EngineName = (typeof engineNames)[number];

/** Something that runs ONNX models. */
export interface Engine {
  readonly name: EngineName;
  /** The adapter that computes, as its driver names it; absent for the processors, and where no driver gives a name. */
  readonly device?: string;
  /** Versions of what computes, for `run.json`. */
  readonly versions: Readonly<Record<string, string>>;
  /** Loads an encoded ONNX model. */
  createSession(model: Uint8Array, options?: EngineOptions): Promise<Session>;
}

/** How many nodes of a model each provider computes: by provider (`WebGpuExecutionProvider`, …), then by operator type. */
export type Placement = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /**
   * Runs the model once on tensors by input name.
   *
   * It blocks the event loop while it computes, and lets pending events (signals, timers) be handled before it returns.
   * @param fetches the outputs wanted; default all
   */
  run(
    feeds: Readonly<Record<string, EngineTensor>>,
    fetches?: readonly string[],
  ): Promise<Readonly<Record<string, EngineTensor>>>;
  /** What computes the model's nodes, known after the first run; absent where an engine has one provider only. */
  readonly placement?: () => Placement | undefined;
  /** Ends profiling and returns what was measured; once per session, and only one that was created with `profile`. */
  profile(): Promise<ProfileSummary>;
  /** Frees the engine's memory. The session can't be used afterwards; releasing it twice is harmless. */
  release(): Promise<void>;
}
