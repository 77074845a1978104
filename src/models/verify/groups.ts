import { InputError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { didYouMean } from '../../core/suggest.ts';

/** What can be compared. */
export const groups = ['logits', 'loss', 'hidden_states', 'gradients'] as const;
export type Group = (typeof groups)[number];

export const gradientPrefix = 'grad.';

/** The group of a recorded tensor by its name; undefined for a name that means nothing. */
export function groupOf(name: string): Group | undefined {
  if (name === 'logits' || name === 'loss') return name;
  if (name === 'last_block_out' || /^hidden_states\.\d+$/.test(name)) return 'hidden_states';
  return name.startsWith(gradientPrefix) ? 'gradients' : undefined;
}

/** The groups of a list such as `logits,loss`. Throws InputError for an unknown one and for none. */
export function parseGroups(text: string): readonly Group[] {
  const names = text.split(',').map((name) => name.trim());
  return names.map((name) => {
    const group = groups.find((known) => known === name);
    if (group !== undefined) return group;
    throw new InputError(`--only: ${quote(name)} is unknown${didYouMean(name, groups)}; known: ${groups.join(', ')}`);
  });
}
