import { availableParallelism } from 'node:os';
import { InputError } from '../core/errors.ts';
import type { Engine, EngineOptions } from '../engine/index.ts';
import { type NormKind, normKind } from '../norms/index.ts';

/** How far a benchmark is. */
export interface BenchProgress {
  /** What is being measured: `2048×768`, `XL`. */
  readonly what: string;
  /** Of the whole benchmark, from 0 to 1. */
  readonly fraction: number;
}

/** What every benchmark takes. */
export interface BenchOptions {
  /** Default: the processors available. */
  readonly threads?: number | undefined;
  /** Default: ONNX Runtime on the CPU. */
  readonly engine?: Engine | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: BenchProgress) => void) | undefined;
}

/** How candidates that take turns are timed. */
export interface TimingOptions {
  readonly threads: number | undefined;
  /** For all rounds together. */
  readonly seconds: number;
  readonly signal: AbortSignal | undefined;
  /** Called with the share that is done, from 0 to 1. */
  readonly report: (fraction: number) => void;
}

/** The baseline of every ratio. */
export const baseline = 'layernorm';

/** Norms by their ids, each once, those of `always` added in front. Throws InputError for an id that isn't in the catalogue. */
export function normsOf(ids: readonly string[], always: readonly string[]): readonly NormKind[] {
  return [...new Set([...always, ...ids])].map(normKind);
}

/** Throws an InputError unless `value` is a whole number from `min`. */
export function requireWhole(what: string, value: number, min = 1): number {
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new InputError(`bench: ${what} is ${value}, expected a whole number from ${min}`);
}

/** Throws an InputError unless `seconds` is a number above zero. */
export function requireSeconds(seconds: number): number {
  if (Number.isFinite(seconds) && seconds > 0) return seconds;
  throw new InputError(`bench: seconds is ${seconds}, expected a number above 0`);
}

/** `ONNX Runtime 1.30.0 on CPU, 2 threads`: whose kernels were measured. */
export function runtimeLabel(engine: Engine, threads = availableParallelism()): string {
  const version = engine.versions.onnxruntime ?? 'unknown';
  return `ONNX Runtime ${version} on ${engine.name.toUpperCase()}, ${threads} thread${threads === 1 ? '' : 's'}`;
}

/** Throws an InputError where `bytes` is more than the memory that this process can still get; `advice` says what to do. */
export function requireMemory(
  what: string,
  bytes: number,
  available = process.availableMemory(),
  advice = 'Take a smaller size or fewer norms',
): void {
  if (bytes <= available) return;
  const gib = (value: number) => `${(value / 2 ** 30).toPrecision(3)} GiB`;
  throw new InputError(
    `bench: ${what} needs about ${gib(bytes)} of memory and ${gib(available)} are available. ${advice}`,
  );
}

/**
 * How sessions are created that take turns. Their threads don't wait actively: a session that has run would keep the
 * processors from the one whose turn it is, and runs took up to seven times as long.
 */
export function sessionOptions(threads: number | undefined): EngineOptions {
  return { spinning: false, ...(threads === undefined ? {} : { threads }) };
}
