import type { Tokenizer } from './tokenizer.ts';

/** Text that grows by one token at a time. */
export interface TextStream {
  /** The text that has become certain with this id; empty while a character is incomplete. */
  push(id: number): string;
  /** What is still held back: U+FFFD for the part of a character. The stream is empty after it. */
  end(): string;
}

/**
 * Decodes ids one after the other so that the pieces, joined, are the text of all of them.
 *
 * A character of several tokens comes when its last one does. What a token means can depend on those before it (a
 * leading space that only the first word loses), so the ids of the last piece are decoded again with each new one.
 */
export function createTextStream(tokenizer: Tokenizer): TextStream {
  /** The ids since the piece before the last one; `given` is what was already returned of their text. */
  let ids: number[] = [];
  let startOfPiece = 0;
  let given = '';

  /** What `text` has more than was given; where it differs from that, what follows the common beginning. */
  function take(text: string): string {
    let common = 0;
    while (common < given.length && given[common] === text[common]) common++;
    return text.slice(common);
  }

  return {
    push(id) {
      ids.push(id);
      const text = tokenizer.decode(ids);
      if (text.endsWith('\ufffd')) {
        // An incomplete character is one U+FFFD, however many of its bytes are there.
        const whole = text.slice(0, -1);
        if (whole.length <= given.length || !whole.startsWith(given)) return '';
        const piece = take(whole);
        given = whole;
        return piece;
      }
      const piece = take(text);
      // What has no text, a special token for instance, says nothing about what comes before the next piece.
      if (piece === '') return piece;
      ids = ids.slice(startOfPiece);
      startOfPiece = ids.length;
      given = tokenizer.decode(ids);
      return piece;
    },
    end() {
      const piece = take(tokenizer.decode(ids));
      ids = [];
      startOfPiece = 0;
      given = '';
      return piece;
    },
  };
}
