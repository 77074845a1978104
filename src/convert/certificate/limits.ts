import type { Certificate, LogitDifference } from './schema.ts';

/** How many floors a figure may have. */
const floors = 3;

/** Logits up to 1000 are held to 1e-10, about a thousand roundings of float64 at that size; larger ones in proportion. */
const algebraLimit = { absolute: 1e-10, relative: 1e-13 };

export interface LimitFigures {
  readonly algebra: LogitDifference | null;
  readonly floor: LogitDifference;
  readonly engineFloor: LogitDifference;
}

/**
 * The largest max |Δlogit| of each figure, given the source's logits; each is the sum of what can add up.
 *
 * `algebra` 1e-10, or 1e-13 of the largest logit; `stored` the algebra's figure, its limit where there is none, and 3
 * floors; `run` the limit of `stored` and 3 times what float32 arithmetic costs the source itself.
 */
export function limitsOf({ algebra, floor, engineFloor }: LimitFigures, logits: Float64Array): Certificate['limits'] {
  return limitsFor(
    { algebra: algebra?.maxAbsLogit ?? null, floor: floor.maxAbsLogit, engineFloor: engineFloor.maxAbsLogit },
    logits,
  );
}

/** The same for any output of a model: each figure is the largest difference of an entry. */
export function limitsFor(
  figures: { readonly algebra: number | null; readonly floor: number; readonly engineFloor: number },
  values: Float64Array,
): Certificate['limits'] {
  const largest = values.reduce((top, value) => (Number.isFinite(value) ? Math.max(top, Math.abs(value)) : top), 0);
  const algebra = Math.max(algebraLimit.absolute, algebraLimit.relative * largest);
  const stored = (figures.algebra ?? algebra) + floors * figures.floor;
  return { algebra, stored, run: stored + floors * figures.engineFloor };
}

/** An infinite figure is over every limit: a source that overflows in the engine has an infinite limit for the run. */
export function isWithin(figure: number, limit: number): boolean {
  return Number.isFinite(figure) && figure <= limit;
}

/** One phrase for each figure that is over its limit, infinite or not a number. */
export function failures({
  limits,
  ...figures
}: {
  readonly limits: Certificate['limits'];
  readonly algebra: LogitDifference | null;
  readonly stored: LogitDifference;
  readonly run: LogitDifference;
}): readonly string[] {
  return (['algebra', 'stored', 'run'] as const).flatMap((name) => {
    const figure = figures[name];
    if (figure === null || isWithin(figure.maxAbsLogit, limits[name])) return [];
    return [
      `${name} is off by up to ${figure.maxAbsLogit.toExponential(2)} in a logit, limit ${limits[name].toExponential(2)}`,
    ];
  });
}
