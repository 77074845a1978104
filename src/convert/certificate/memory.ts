import type { DecoderSpec } from '../../models/index.ts';
import { untied } from '../rules/spec.ts';
import type { InputIds } from './decoder.ts';
import { parametersOf, stageElements, stagesOf } from './stages.ts';

/** The process and the engine by themselves, and what passes between garbage collections. */
const baseBytes = 512 * 2 ** 20;

/**
 * The weights of a stage in float64, in float32 for the engine, and as much again for what was read or made and is not
 * collected yet.
 */
const bytesPerParameter = 24;

/** The streams of all runs. */
const runs = 14;
/** Of each row of what is computed inside of a block: before and after an op, and what is not collected yet. */
const copies = 6;

/**
 * What comparing a decoder, its head by itself, with another of its size holds in memory at most, in bytes: 512 MiB, 24
 * bytes for each parameter of the largest block (or, where that is more, of 2²² entries of the head), and the activations.
 */
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
