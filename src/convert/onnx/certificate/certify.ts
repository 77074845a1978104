import { totalmem } from 'node:os';
import type { FloatDType } from '../../../core/dtype.ts';
import { InputError, RefusalError } from '../../../core/errors.ts';
import { formatBytes } from '../../../core/format.ts';
import { yieldToSignals } from '../../../core/interrupt.ts';
import { quote } from '../../../core/quote.ts';
import type { Engine } from '../../../engine/index.ts';
import { UnsupportedOpError, unsupportedOps } from '../../../graph/index.ts';
import { floorSeeds } from '../../certificate/floor.ts';
import { floatOutputs } from './engine.ts';
import type { OnnxInputsOptions } from './inputs.ts';
import { judge, onnxFailures } from './judge.ts';
import { engineSteps, exactSteps, measureExactly, measureInEngine } from './measure.ts';
import { onnxCertificateBytes } from './memory.ts';
import { type OnnxMeasurements, onnxMeasurementsVersion } from './schema.ts';
import { hoisted, type OnnxSide } from './side.ts';

export interface CertifyOnnxOptions {
  readonly source: OnnxSide;
  /** The model as it was written. It has the source's inputs and float outputs, by name. */
  readonly written: OnnxSide;
  /** The written model's initializers and constants before they were rounded, by name; undefined for those that were copied. */
  readonly exact: (name: string) => Float64Array | undefined;
  /** The source's initializers, and constants that nodes make, that are written otherwise than they were, and the type to which each is rounded. */
  readonly rewritten: ReadonlyMap<string, FloatDType>;
  /** What each replaced norm reads: the name of the value in the source and in the written model. */
  readonly norms: readonly { readonly before: string; readonly after: string }[];
  readonly inputs?: OnnxInputsOptions | undefined;
  readonly engine: Engine;
  readonly signal?: AbortSignal | undefined;
  /** Called before each run of a model. */
  readonly onRun?: ((done: number, total: number) => void) | undefined;
  /** Default: the machine's memory. */
  readonly availableBytes?: number | undefined;
}

/**
 * Measures how equal an ONNX model is to its source, on every float output, and judges it: *algebra*, *stored* and *run*
 * beside the *floor* and what the engine does by itself, as a converted folder's certificate does.
 *
 * Where float64 lacks an operator of either model, *algebra* and *stored* are null, and *run* compares both in the engine:
 * the floor is then 9 sources with their rewritten tensors off by a unit in the last place here and there (the same
 * variance as ±½ ulp), and the engine's own share the source with its graph optimizations against the source without.
 * Where the engine can't run the source (it lacks many float64 kernels), there is no *run*.
 * @throws CheckFailedError where the engine runs the source but not the written model
 * @throws RefusalError where memory does not do (`onnxCertificateBytes`), or the models have no float output in common
 * @throws InputError where no inputs were found on which the source runs
 */
export async function certifyOnnx(options: CertifyOnnxOptions): Promise<OnnxMeasurements> {
  const { signal = new AbortController().signal } = options;
  const [source, written] = [hoisted(options.source), hoisted(options.written)];
  const outputs = floatOutputs(source.model);
  checkOutputs(source, written, outputs);
  checkMemory({ ...options, source, written });
  const models = [source.model, written.model];
  let [unsupported] = models.flatMap((model) => unsupportedOps(model, outputs));
  const total = unsupported === undefined ? exactSteps : engineSteps;
  let done = 0;
  const step = async () => {
    await yieldToSignals(signal);
    options.onRun?.(done++, total);
  };

  const measureOptions = { ...options, source, written, signal, outputs, step };
  const exactly = unsupported === undefined ? await measureExactly(measureOptions).catch(orUnsupported) : unsupported;
  unsupported = exactly instanceof UnsupportedOpError ? exactly : undefined;
  const observations = exactly instanceof UnsupportedOpError ? await measureInEngine(measureOptions) : exactly;
  const { values, contents } = observations.inputs;
  const judged = outputs.map((name) => judge(name, observations));
  return {
    formatVersion: onnxMeasurementsVersion,
    inputs: source.model.graph.inputs.flatMap(({ name, dtype }) => {
      const value = values.get(name);
      return value === undefined ? [] : [{ name, dtype, shape: value.shape, content: contents.get(name) ?? '' }];
    }),
    seed: options.inputs?.seed ?? 0,
    withoutFloat64: unsupported?.message ?? null,
    withoutEngine: observations.withoutEngine,
    outputs: judged,
    norms: observations.norms,
    floorSeeds,
    passed: onnxFailures(judged).length === 0,
  };
}

/** Operators in branches show only when a branch is taken. */
function orUnsupported(error: unknown): UnsupportedOpError {
  if (error instanceof UnsupportedOpError) return error;
  throw error;
}

function checkOutputs(source: OnnxSide, written: OnnxSide, outputs: readonly string[]): void {
  if (outputs.length === 0) {
    throw new RefusalError(`${source.path}: has no output of floats, and nothing else is compared`);
  }
  const others = new Set(floatOutputs(written.model));
  const missing = outputs.find((name) => !others.has(name));
  if (missing !== undefined) throw new InputError(`${written.path}: has no float output ${quote(missing)}`);
}

function checkMemory({ source, written, availableBytes = totalmem() }: CertifyOnnxOptions): void {
  const needed = onnxCertificateBytes([source.model, written.model]);
  if (needed <= availableBytes) return;
  throw new RefusalError(
    `${source.path}: the certificate of a model of this size takes ${formatBytes(needed)} of memory, this machine has ${formatBytes(availableBytes)}; convert with --no-certify, or on a machine with more`,
  );
}
