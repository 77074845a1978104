import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { InputError } from '../core/errors.ts';
import { readJson } from '../core/files.ts';
import type { Model } from '../models/index.ts';

const schema = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() });

/**
 * The ids at which a model's text ends: `eos_token_id` of `generation_config.json`, or where that has none, of
 * `config.json`. Throws InputError where it is neither an id nor a list of them.
 */
export async function endIdsOf({ folder, config }: Pick<Model, 'folder' | 'config'>): Promise<ReadonlySet<number>> {
  const path = join(folder, 'generation_config.json');
  const own = existsSync(path) ? idsIn(await readJson(path), path) : undefined;
  return new Set(own ?? idsIn(config, join(folder, 'config.json')) ?? []);
}

function idsIn(value: unknown, path: string): readonly number[] | undefined {
  const { data, error } = schema.safeParse(value);
  if (error !== undefined) throw new InputError(`${path}: eos_token_id is neither an id nor a list of ids`);
  const ids = data.eos_token_id ?? undefined;
  return typeof ids === 'number' ? [ids] : ids;
}
