import { formatBytes } from '../../core/format.ts';
import { countParameters, type DecoderSpec } from '../../models/index.ts';
import { untied } from '../rules/spec.ts';
import type { InputIds } from './decoder.ts';
import { headElements, parametersOf, stageElements, stagesOf } from './stages.ts';

/** The process and the engine by themselves, logits, and what passes between garbage collections. */
const baseBytes = 512 * 2 ** 20;

/**
 * The weights of a stage in float64, a perturbed copy of them, and as much again: for the engine in float32, and for what
 * was read or made and is not collected yet.
 */
const bytesPerParameter = 24;

/** Of streams: one for each run. */
const runs = 14;
/** Of the widest thing that is computed inside of a block: what it is before and after some ops, and is not collected yet. */
const copies = 6;

/** The bound of `certificateBytes` in words. */
export const certificateMemory = `${formatBytes(baseBytes)}, ${bytesPerParameter} bytes for each parameter of the largest block (of ${headElements.toLocaleString('en')} entries of the head, where they are more), and what is computed of the tokens`;

/** What comparing a decoder, its head by itself, with another of its size holds in memory at most, in bytes: `certificateMemory`. */
export function certificateBytes(spec: DecoderSpec, inputIds: InputIds): number {
  const own = untied(spec);
  const largest = stagesOf(own, inputIds).reduce(
    (most, stage) => Math.max(most, stageElements(parametersOf(own, stage, inputIds))),
    0,
  );
  const { attention, mlp, hiddenSize } = spec;
  const sequence = inputIds[0]?.length ?? 0;
  const inner = Math.max(mlp.innerSize, 3 * attention.numHeads * attention.headSize, attention.numHeads * sequence);
  const activations = inputIds.length * sequence * (runs * hiddenSize + copies * inner);
  return baseBytes + bytesPerParameter * largest + 8 * activations;
}

/** A weight in float32, and in up to 16 bits as the file that it is mapped from has it. */
const programBytesPerParameter = 6;
/** A logit of the whole vocabulary as the engine gives it and in float64. */
const bytesPerLogit = 12;

/** What running a written program of the whole decoder takes beside, in bytes. */
export function programBytes(spec: DecoderSpec, inputIds: InputIds): number {
  const logits = inputIds.flat().length * spec.vocabularySize;
  return programBytesPerParameter * countParameters(untied(spec)) + bytesPerLogit * logits;
}
