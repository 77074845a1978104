import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { encode, type TensorEntry, writeSafetensors } from '../../checkpoint/index.ts';
import { InputError } from '../../core/errors.ts';
import type { EngineUse } from '../../engine/index.ts';
import { openModel } from '../load.ts';
import { boundOf, type Difference, largestDifference } from './compare.ts';
import { type ComputeDType, type Computed, type ComputeOptions, compute } from './compute.ts';
import type { Group } from './groups.ts';
import { recordedOutputs } from './outputs.ts';
import { openRecording, type Recording, recordedFloat32Error } from './recording.ts';

export interface VerifyOptions extends ComputeOptions {
  /** The safetensors file of what somebody else's implementation computed. */
  readonly against: string;
  /** Default float64. */
  readonly dtype?: ComputeDType;
  /** Default: everything that is recorded. */
  readonly only?: readonly Group[];
  /** Replaces the bound on logits and loss. */
  readonly tolerance?: number | null;
  /** A file to which the computed tensors are written under their recorded names. */
  readonly dump?: string;
}

/** A recorded tensor, and how far the computed one is from it. */
export interface VerifiedTensor extends Difference {
  readonly name: string;
  readonly group: Group;
  /** What the largest difference may be. */
  readonly bound: number;
  readonly ok: boolean;
}

export interface Verification {
  readonly dtype: ComputeDType;
  /** What computed; absent in float64, which needs no engine. */
  readonly engine?: EngineUse;
  readonly tensors: readonly VerifiedTensor[];
  /** Whether every difference is within its bound. */
  readonly ok: boolean;
}

/**
 * Computes what was recorded for a model and compares.
 *
 * In float64 logits, loss and hidden states may differ by 1e-10, a gradient by 1e-9 of its largest entry. In float32
 * logits and loss may differ by four times the float32 error that is recorded (`golden.json`, else 2e-5), on WebGPU by
 * sixteen times, hidden states and gradients by 1e-4 of their largest entry, gradients by 1e-7 more. Throws InputError or
 * RefusalError, one line, for a model that can't be run and a recording that doesn't fit it.
 */
export async function verifyModel(folder: string, options: VerifyOptions): Promise<Verification> {
  const { against, dtype = 'float64', only = [], tolerance = null, dump } = options;
  const model = await openModel(folder);
  try {
    const recording = await openRecording(against, model.spec, only);
    try {
      if (dump !== undefined) await checkDump(dump, [join(folder, 'config.json'), ...model.checkpoint.files, against]);
      const float32Error = dtype === 'float32' ? await recordedFloat32Error(against) : null;
      const outputs = recordedOutputs(model, recording);
      const { values, engine } = await compute(dtype, model, recording, outputs, options);
      if (dump !== undefined) await writeDump(dump, dtype, recording, values);
      const tensors: VerifiedTensor[] = [];
      for (const { name, group } of recording.tensors) {
        const recorded = await recording.file.readFloat64(name);
        const difference = largestDifference(values.get(name) ?? [], recorded);
        const bound = boundOf(group, recorded, { dtype, engine: engine?.name ?? 'cpu', tolerance, float32Error });
        // The bound of a recording that holds an infinity is infinite.
        const ok = Number.isFinite(difference.largest) && difference.largest <= bound;
        tensors.push({ name, group, ...difference, bound, ok });
      }
      return { dtype, ...(engine !== undefined && { engine }), tensors, ok: tensors.every(({ ok }) => ok) };
    } finally {
      await recording.file.close();
    }
  } finally {
    await model.checkpoint.close();
  }
}

/** Throws InputError where the dump would take the place of a file that is being read. */
async function checkDump(dump: string, inputs: readonly string[]): Promise<void> {
  const target = await realpath(dump).catch(() => undefined);
  for (const path of inputs) {
    if (target === (await realpath(path))) throw new InputError(`--dump ${dump}: is one of the files to be compared`);
  }
}

async function writeDump(
  path: string,
  dtype: ComputeDType,
  recording: Recording,
  values: Computed['values'],
): Promise<void> {
  const { batch, sequence, inputIds, tensors } = recording;
  const entries = tensors.map(({ name, shape }): TensorEntry => {
    return { name, dtype, shape, data: encode(values.get(name) ?? new Float64Array(), dtype) };
  });
  const ids: TensorEntry = {
    name: 'input_ids',
    dtype: 'int64',
    shape: [batch, sequence],
    data: encode(inputIds, 'int64'),
  };
  await writeSafetensors(path, [ids, ...entries]);
}
