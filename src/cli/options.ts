import { InvalidArgumentError } from 'commander';

/** Parsers of options' arguments: what they throw becomes `option '--name <x>' argument '…' is invalid. …`, exit code 2. */

/** A finite number from 0. */
export function parseNonNegative(text: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a number from 0.');
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidArgumentError('Expected a whole number from 1.');
}

/** A whole number from 0. */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Expected a whole number from 0.');
}
