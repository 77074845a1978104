import { InputError } from '../core/errors.ts';
import { median } from '../core/statistics/index.ts';

/**
 * What remains of measured seconds after others were taken off, as times: above zero.
 *
 * Single rounds in which nothing remains count as a nanosecond, which leaves medians as they are. Where that is half of the
 * rounds, what was measured is too small for this clock: throws an InputError, with `what` and what to do about it.
 */
export function requireRemainder(seconds: Float64Array, what: string, advice: string): Float64Array {
  if (!(median(seconds) > 0)) {
    throw new InputError(`bench: ${what} is too small, its time can't be told from what surrounds it. ${advice}`);
  }
  return seconds.map((value) => Math.max(1e-9, value));
}
