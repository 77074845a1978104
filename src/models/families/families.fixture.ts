import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { InputError } from '../../core/errors.ts';
import { golden } from '../checkpoint.fixture.ts';
import type { DecoderSpec } from '../spec.ts';
import { familyOf } from './index.ts';

export type Config = Record<string, unknown>;

const configOf = (name: string): Config => JSON.parse(readFileSync(join(golden(name), 'config.json'), 'utf8'));

/** The spec that a config describes. */
export function parse(config: Config): DecoderSpec {
  return familyOf(config).parse(config);
}

/** The spec of a golden case with some keys replaced; undefined removes a key. */
export function parsed(name: string, changes: Config): DecoderSpec {
  const config = { ...configOf(name), ...changes };
  return parse(Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)));
}

/** Expects that a golden case with some keys replaced is refused with one line. */
export function expectError(name: string, changes: Config, type: typeof InputError, message: string): void {
  const call = () => parsed(name, changes);
  expect(call).toThrow(type);
  expect(call).toThrow(`config.json: ${message}`);
  expect(call).not.toThrow('\n');
}
