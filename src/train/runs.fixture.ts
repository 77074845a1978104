import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { createRandom } from '../core/random.ts';
import type { Corpus } from '../text/index.ts';
import { defaultConfig, parseConfig, type TrainConfig } from './index.ts';
import { readMetrics } from './metrics.ts';

interface Changes {
  readonly model?: Partial<TrainConfig['model']>;
  readonly optimizer?: Partial<TrainConfig['optimizer']>;
  readonly schedule?: Partial<TrainConfig['schedule']>;
  readonly seed?: number;
  readonly text?: readonly string[];
  readonly batch?: number;
}

/** A model that trains twelve steps in a few milliseconds. */
export function tinyConfig({ model, optimizer, schedule, ...rest }: Changes = {}): TrainConfig {
  return parseConfig({
    ...defaultConfig,
    batch: 2,
    validation: { everySteps: 5, tokens: 64, finalTokens: 128 },
    samples: { count: 1, length: 12 },
    ...rest,
    model: { ...defaultConfig.model, layers: 1, hiddenSize: 16, heads: 2, context: 8, ...model },
    optimizer: { ...defaultConfig.optimizer, ...optimizer },
    schedule: { ...defaultConfig.schedule, steps: 12, warmupSteps: 2, ...schedule },
  });
}

/** A text of words that are drawn from a few. */
export function tinyText(bytes: number, seed = 'text'): Buffer {
  const words = ['the ', 'union ', 'of ', 'states ', 'is ', 'strong.\n', 'we ', 'are '];
  const random = createRandom(seed);
  let text = '';
  while (text.length < bytes) text += words[random.integer(words.length)];
  return Buffer.from(text.slice(0, bytes));
}

export function tinyCorpus(seed = 'text'): Corpus {
  const text = tinyText(3000, seed);
  const sha256 = createHash('sha256').update(text).digest('hex');
  return {
    name: 'words',
    description: 'Words.',
    train: text.subarray(0, 2500),
    validation: text.subarray(2500),
    sha256,
  };
}

/** Everything in a run folder that has to come out the same, whatever happened on the way. */
export async function snapshot(folder: string) {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .toSorted();
  const hash = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  const exempt = ['metrics.jsonl', 'run.json'];
  const metrics = (await readMetrics(join(folder, 'metrics.jsonl'))).map((line) =>
    line.kind === 'step' ? { ...line, milliseconds: 0 } : line,
  );
  const files = names.map((name) => (exempt.includes(name) ? name : `${name} ${hash(name)}`));
  return { files, metrics };
}
