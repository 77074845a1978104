import { yieldToSignals } from '../../core/interrupt.ts';
import { cpuEngine, type Engine, type EngineUse, engineUse } from '../../engine/index.ts';
import { evaluateSteps, makeValue, type Tensor } from '../../graph/index.ts';
import { type Model, readParameters } from '../load.ts';
import { createModelSession } from '../session.ts';
import type { Recording } from './recording.ts';

/** How a model is computed: in float64 by the TypeScript evaluation, or in float32 by the engine. */
export const computeDTypes = ['float64', 'float32'] as const;
export type ComputeDType = (typeof computeDTypes)[number];

export interface Computed {
  readonly values: ReadonlyMap<string, Float64Array | Float32Array>;
  /** Absent in float64, which needs no engine. */
  readonly engine?: EngineUse;
}

export interface ComputeOptions {
  /** What computes in float32; the CPU where it is left out. */
  readonly engine?: Engine | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told now and then what is being done. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** Computes tensors of a model's graph on the recorded tokens. */
export function compute(
  dtype: ComputeDType,
  model: Model,
  recording: Recording,
  outputs: ReadonlyMap<string, Tensor>,
  options: ComputeOptions = {},
): Promise<Computed> {
  return dtype === 'float64'
    ? computeFloat64(model, recording, outputs, options)
    : computeFloat32(model, recording, outputs, options);
}

/** How long the evaluation may keep signals waiting. */
const turnMs = 50;

async function computeFloat64(
  model: Model,
  { batch, sequence, inputIds }: Recording,
  outputs: ReadonlyMap<string, Tensor>,
  { signal, onProgress }: ComputeOptions,
): Promise<Computed> {
  onProgress?.(`reading ${model.folder}`);
  const feeds = { ...(await readParameters(model)), input_ids: makeValue('int', [batch, sequence], inputIds) };
  const steps = evaluateSteps([...outputs.values()], feeds);
  let turnStarted = performance.now();
  let step = steps.next();
  while (!step.done) {
    if (performance.now() - turnStarted > turnMs) {
      onProgress?.(`computing in float64, operation ${step.value.done} of ${step.value.total}`);
      if (signal !== undefined) await yieldToSignals(signal);
      turnStarted = performance.now();
    }
    step = steps.next();
  }
  const values = step.value;
  return { values: new Map([...outputs.keys()].map((name, i) => [name, values[i]?.data ?? new Float64Array()])) };
}

async function computeFloat32(
  model: Model,
  { batch, sequence, inputIds }: Recording,
  outputs: ReadonlyMap<string, Tensor>,
  { signal, onProgress, engine = cpuEngine() }: ComputeOptions,
): Promise<Computed> {
  signal?.throwIfAborted();
  onProgress?.('computing in float32');
  const ids = BigInt64Array.from(inputIds, (id) => BigInt(id));
  const session = await createModelSession(model, Object.fromEntries(outputs), { engine });
  try {
    const results = await session.run({ input_ids: { dtype: 'int64', shape: [batch, sequence], data: ids } });
    const values = new Map(
      [...outputs.keys()].map((name) => {
        const result = results[name];
        if (result?.dtype !== 'float32') throw new Error(`models/verify: the engine returned no float32 ${name}`);
        return [name, result.data] as const;
      }),
    );
    return { values, engine: engineUse(engine, session) };
  } finally {
    await session.release();
  }
}
