import { InputError } from '../core/errors.ts';

/** Text on its way out, which ends before the first of some texts. */
export interface StopFilter {
  /** What of the text so far is certain to be put out, and whether one of the texts came. */
  push(piece: string): { readonly text: string; readonly stopped: boolean };
  /** What was held back because one of the texts might have begun there. */
  end(): string;
}

/** A filter that ends text before the first of `stops` that it holds. Throws InputError for an empty one. */
export function createStopFilter(stops: readonly string[]): StopFilter {
  if (stops.includes('')) throw new InputError('generate: a stop text is empty, expected at least one character');
  let held = '';
  return {
    push(piece) {
      held += piece;
      const found = stops.map((stop) => held.indexOf(stop)).filter((index) => index >= 0);
      if (found.length > 0) {
        const text = held.slice(0, Math.min(...found));
        held = '';
        return { text, stopped: true };
      }
      const end = held.length - Math.max(0, ...stops.map((stop) => overlap(held, stop)));
      const text = held.slice(0, end);
      held = held.slice(end);
      return { text, stopped: false };
    },
    end() {
      const text = held;
      held = '';
      return text;
    },
  };
}

/** How many characters at the end of `text` are a beginning of `stop`, but not all of it. */
function overlap(text: string, stop: string): number {
  for (let length = Math.min(text.length, stop.length - 1); length > 0; length--) {
    if (text.endsWith(stop.slice(0, length))) return length;
  }
  return 0;
}
