import { InputError } from '../../core/errors.ts';

/** @throws InputError beyond ±(2⁵³ − 1), where a number can't tell neighbouring integers apart. */
export function safeInteger(value: number | bigint, where: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw new InputError(`${where}: integer ${value} is beyond ±(2^53 - 1)`);
  return number;
}
