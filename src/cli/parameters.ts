import { formatSignificant } from '../core/format.ts';

/** A count of parameters as papers write it: `125M`, `1.32B`, `175B`. */
export function formatParameters(count: number): string {
  for (const [unit, size] of [
    ['B', 1e9],
    ['M', 1e6],
    ['K', 1e3],
  ] as const) {
    if (count >= 0.9995 * size) return `${formatSignificant(count / size, 3)}${unit}`;
  }
  return String(count);
}

/** A whole number with its thousands apart: `124,439,808`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}
