import { type DecoderSpec, decoderParameters } from '../models/index.ts';

/**
 * Floating-point operations of one training step for each token, forward and backward:
 * 6 · (parameters of matrices that multiply) + 12 · layers · context · (heads · head size).
 *
 * A multiplication by a matrix is 2 operations a parameter forward and 4 backward; attention's two products are 2 · 2 ·
 * context · width forward and twice that backward, what the causal mask hides included. Embeddings are looked up, and
 * norms, activations and the optimizer are left out. [Chowdhery et al. 2022, appendix B]
 */
export function trainingFlopsPerToken(spec: DecoderSpec, context: number): number {
  const matrices = decoderParameters(spec)
    .filter(({ part, shape }) => part.type === 'linear' && shape.length === 2)
    .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const head = spec.tiedHead ? spec.streamSize * spec.vocabularySize : 0;
  const { numHeads, headSize } = spec.attention;
  return 6 * (matrices + head) + 12 * spec.numLayers * context * numHeads * headSize;
}
