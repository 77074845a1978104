import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { golden } from '../checkpoint.fixture.ts';
import type { DecoderSpec } from '../spec.ts';
import { familyOf } from './index.ts';

export type Config = Record<string, unknown>;

export function parse(config: Config): DecoderSpec {
  return familyOf(config).parse(config);
}

/** The spec of a golden case with some keys replaced; undefined removes a key. */
export function parsed(name: string, changes: Config): DecoderSpec {
  const config: Config = { ...JSON.parse(readFileSync(join(golden(name), 'config.json'), 'utf8')), ...changes };
  return parse(Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)));
}
