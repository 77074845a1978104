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

/** A whole number from 2: a text's tokens, of which all but the first are predicted. */
export function parseTokens(text: string): number {
  const value = parseCount(text);
  if (value >= 2) return value;
  throw new InvalidArgumentError('Expected a whole number from 2.');
}

/** A whole number from 0. */
export function parseWhole(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError('Expected a whole number from 0.');
}

const byteUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** A number of bytes, at least one: `5GB`, `1.5GiB`, `1000000`. */
export function parseBytes(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?) ?([a-z]*)$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(digits) * (byteUnits[unit.toUpperCase() || 'B'] ?? Number.NaN));
  if (digits !== '' && Number.isSafeInteger(bytes) && bytes >= 1) return bytes;
  throw new InvalidArgumentError('Expected a number of bytes such as 5GB or 512MiB.');
}
