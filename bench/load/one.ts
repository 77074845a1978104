/** Loads one model, computes logits twice and prints what that took: `one.ts <folder> <tokens> [threads]`. */
import { argv, stdout } from 'node:process';
import { sizeOf } from '../../src/core/shape.ts';
import { buildDecoder, createModelSession, openModel } from '../../src/models/index.ts';
import type { Loaded } from './loaded.ts';

const [folder = '', tokens = '512', threads] = argv.slice(2);
const sequence = Number(tokens);

const started = performance.now();
const model = await openModel(folder);
const { logits } = buildDecoder(model.spec, { batch: 1, sequence, storage: model.storage });
const session = await createModelSession(model, { logits }, threads === undefined ? {} : { threads: Number(threads) });
const loadSeconds = (performance.now() - started) / 1000;

// A prime step spreads the ids over the vocabulary.
const ids = BigInt64Array.from({ length: sequence }, (_, i) => BigInt((i * 7919) % model.spec.vocabularySize));

/** Seconds of a run; its logits are garbage afterwards. */
async function run(): Promise<number> {
  const before = performance.now();
  const results = await session.run({ input_ids: { dtype: 'int64', shape: [1, sequence], data: ids } });
  const seconds = (performance.now() - before) / 1000;
  const values = results.logits;
  if (values?.dtype !== 'float32' || !values.data.every(Number.isFinite)) throw new Error('the logits are not finite');
  return seconds;
}

const firstSeconds = await run();
const secondSeconds = await run();
const loaded: Loaded = {
  weightBytes: 4 * model.tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
  loadSeconds,
  firstSeconds,
  secondSeconds,
  peakBytes: 1024 * process.resourceUsage().maxRSS,
};
stdout.write(`${JSON.stringify(loaded)}\n`);
await session.release();
await model.checkpoint.close();
