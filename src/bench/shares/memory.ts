import type { PassShape } from './graphs.ts';
import type { GptSize } from './sizes.ts';

/**
 * About how many bytes the engine holds for one size: for each norm a packed copy of a block's 12d² weights, the attention's
 * scores, its causal mask and the MLP's activations; the weight file's pages; and the head's columns with their logits.
 */
export function bytesNeeded(
  { hiddenSize, heads }: Pick<GptSize, 'hiddenSize' | 'heads'>,
  norms: number,
  { batch, tokens, embeddingRows, headColumns }: PassShape,
): number {
  const block = 12 * hiddenSize ** 2 + (embeddingRows + tokens) * hiddenSize;
  const scores = 3 * batch * heads * tokens ** 2;
  const mask = 4 * tokens ** 2;
  const activations = 16 * batch * tokens * hiddenSize;
  const head = 2 * hiddenSize * headColumns + 2 * batch * tokens * headColumns;
  return 4 * ((norms + 1) * block + norms * (scores + mask + activations) + head);
}
