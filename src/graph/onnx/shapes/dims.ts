import type { Dim, Shape } from '../../../core/shape.ts';

// A dimension that isn't known is a symbol of its own, so that a shape always has its rank and a length that occurs twice
// is known to be the same. `?n` is a length of which nothing is known, `!n` any integer. A product of symbols is a symbol, written with `*` between its factors.

/** The product of dimensions, in a form that is the same for the same factors. */
export function product(dims: Shape): Dim {
  let factor = 1;
  const symbols: string[] = [];
  for (const dim of dims.flatMap(factorsOf)) {
    if (typeof dim === 'number') factor *= dim;
    else symbols.push(dim);
  }
  if (symbols.length === 0 || factor === 0) return factor;
  return [...(factor === 1 ? [] : [`${factor}`]), ...symbols.sort()].join('*');
}

/** `total` / `divisor` where that goes without a remainder. */
export function quotient(total: Dim, divisor: Dim): Dim | undefined {
  const left: Dim[] = [...factorsOf(total)];
  let factor = 1;
  for (const dim of factorsOf(divisor)) {
    if (typeof dim === 'number') {
      factor *= dim;
      continue;
    }
    const i = left.indexOf(dim);
    if (i < 0) return undefined;
    left.splice(i, 1);
  }
  const symbols = left.filter((dim) => typeof dim === 'string');
  const whole = left.reduce<number>((sum, dim) => (typeof dim === 'number' ? sum * dim : sum), 1);
  if (factor === 0 || whole % factor !== 0) return undefined;
  return product([whole / factor, ...symbols]);
}

/** A name from a file as a symbol that isn't taken for a product, or for one of ours. */
export function fileSymbol(name: string): string {
  return name.replaceAll('*', '×').replaceAll('!', '¡').replaceAll('?', '¿');
}

/** Whether a product has become longer than anything that is compared: repeated squaring would double it without end. */
export function isTooLong(dim: Dim): boolean {
  return typeof dim === 'string' && dim.length > 120;
}

function factorsOf(dim: Dim): readonly Dim[] {
  if (typeof dim === 'number') return [dim];
  return dim.split('*').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}
