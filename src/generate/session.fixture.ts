import { InputError } from '../core/errors.ts';
import type { DecodingSession } from './decoder.ts';

/** A session whose next token is a function of all ids that it was fed; it counts how often it was fed. */
export function fakeSession(
  next: (ids: readonly number[]) => number,
  { context = 64, vocabularySize = 256 } = {},
): DecodingSession & { readonly feeds: readonly (readonly number[])[] } {
  const feeds: (readonly number[])[] = [];
  let fed: number[] = [];
  return {
    vocabularySize,
    context,
    feeds,
    get length() {
      return fed.length;
    },
    async feed(ids) {
      if (fed.length + ids.length > context) throw new InputError('full');
      feeds.push([...ids]);
      fed.push(...ids);
      const chosen = next(fed);
      return Float32Array.from({ length: vocabularySize }, (_, id) => (id === chosen ? 10 : 0));
    },
    reset() {
      fed = [];
    },
    release: async () => {},
  };
}
