import { median } from '../../core/statistics/index.ts';

/** The seconds of a model's parts, round by round. */
export interface PartSeconds {
  /** The embeddings alone. */
  readonly embedding: Float64Array;
  /** The embeddings and one block after them. */
  readonly embeddingAndBlock: Float64Array;
  /** A run with the final norm, and one without. */
  readonly finalNorm: Float64Array;
  readonly noFinalNorm: Float64Array;
  /** The head's product with a part of the vocabulary. */
  readonly headSlice: Float64Array;
}

export interface Composition {
  readonly layers: number;
  /** How many times the whole head is as large as its slice. */
  readonly headSlices: number;
}

/**
 * The seconds of a whole forward pass in every round:
 * layers · (embeddingAndBlock − e) + e + (finalNorm − noFinalNorm) + headSlices · headSlice.
 *
 * `e`, the embeddings, and the final norm are small, and differences of short times: they enter by their medians.
 */
export function composeSeconds(parts: PartSeconds, { layers, headSlices }: Composition): Float64Array {
  const embedding = median(parts.embedding);
  const finalNorm = median(parts.finalNorm) - median(parts.noFinalNorm);
  return parts.embeddingAndBlock.map(
    (seconds, round) =>
      layers * (seconds - embedding) + embedding + finalNorm + headSlices * (parts.headSlice[round] ?? Number.NaN),
  );
}

/** The composition in one sentence, for whoever reads the numbers. */
export function describeComposition({ layers, headSlices }: Composition): string {
  return (
    `Composed, not run whole: ${layers} × one measured block, the embeddings, the final norm, and ` +
    `${headSlices.toFixed(2)} × a measured slice of the head; random weights, the logits stay in the engine.`
  );
}
