import type { Block } from '../document.ts';

/** A short text is one paragraph; a long one has a paragraph for each sentence. */
export function prose(sentences: readonly string[]): readonly Block[] {
  const text = sentences.join(' ');
  const paragraphs = text.length > 420 ? sentences : [text];
  return paragraphs.map((paragraph) => ({ kind: 'paragraph', content: [paragraph] }));
}
