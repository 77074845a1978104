import { countParameters, type DecoderSpec } from '../../models/index.ts';
import type { InputIds } from './observe.ts';

/** The source in float64, a rewritten copy of it, and as much again for what was read or made and is not collected yet. */
const bytesPerParameter = 24;

/** The reference's logits, those of another run, and what computing and comparing them takes beside. */
const logitCopies = 4;

/** The scores of one layer before and after their softmax, and what lies between. */
const scoreCopies = 4;

/** What comparing a decoder, its head by itself, with another of its size holds in memory at most, in bytes. */
export function certificateBytes(spec: DecoderSpec, inputIds: InputIds): number {
  const batch = inputIds.length;
  const sequence = inputIds[0]?.length ?? 0;
  const streams = (spec.numLayers + 1) * spec.streamSize;
  const perPosition = logitCopies * spec.vocabularySize + streams + scoreCopies * spec.attention.numHeads * sequence;
  return bytesPerParameter * countParameters({ ...spec, tiedHead: false }) + 8 * batch * sequence * perPosition;
}
