import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { evaluate, makeValue, type Value } from '../graph/index.ts';
import { buildDecoder, buildExport, cacheSize, type Model, openModel, readParameters } from './index.ts';

const golden = join(import.meta.dirname, '../../test/fixtures/golden');

/** Those whose angles depend on the length of the sequence have no such graph. */
const cases = readdirSync(golden).filter((name) => name !== 'phi3_longrope');

async function withModel<T>(
  name: string,
  use: (model: Model, parameters: Readonly<Record<string, Value>>) => T,
): Promise<T> {
  const model = await openModel(join(golden, name));
  try {
    return use(model, await readParameters(model));
  } finally {
    await model.checkpoint.close();
  }
}

type Rows = readonly (readonly number[])[];

function ints(rows: Rows): Value {
  return makeValue('int', [rows.length, rows[0]?.length ?? 0], rows.flat());
}

/** Runs the graph on some columns after others, each run on the cache of the one before: logits, row by row. */
function run(
  { spec, storage }: Model,
  parameters: Readonly<Record<string, Value>>,
  { ids, mask, positionIds, cuts }: { ids: Rows; mask: Rows; positionIds?: Rows; cuts: readonly number[] },
): readonly Float64Array[] {
  const graph = buildExport(spec, { storage, context: 32, positionIds: positionIds !== undefined });
  const { heads, keys, values } = cacheSize(spec);
  const names = Object.keys(graph.outputs);
  let cache = Object.fromEntries(
    names.slice(1).map((name) => {
      const width = name.endsWith('.key') ? keys : values;
      return [name.replace('present', 'past_key_values'), makeValue('float', [ids.length, heads, 0, width], [])];
    }),
  );
  const logits: number[][] = ids.map(() => []);
  for (const [i, start] of cuts.entries()) {
    const end = cuts[i + 1] ?? ids[0]?.length ?? 0;
    const columns = (rows: Rows) => ints(rows.map((row) => row.slice(start, end)));
    const [first, ...entries] = evaluate(Object.values(graph.outputs), {
      ...parameters,
      ...cache,
      input_ids: columns(ids),
      attention_mask: ints(mask.map((row) => row.slice(0, end))),
      ...(positionIds === undefined ? {} : { position_ids: columns(positionIds) }),
    });
    for (const [row, own] of logits.entries()) {
      const size = (end - start) * spec.vocabularySize;
      own.push(...(first?.data.subarray(row * size, (row + 1) * size) ?? []));
    }
    cache = Object.fromEntries(
      names.slice(1).map((name, j) => [name.replace('present', 'past_key_values'), entries[j] ?? ints([])]),
    );
  }
  return logits.map((own) => Float64Array.from(own));
}

/** Logits in one pass of the decoder's plain graph. */
function plain({ spec, storage }: Model, parameters: Readonly<Record<string, Value>>, row: readonly number[]) {
  const { logits } = buildDecoder(spec, { batch: 1, sequence: row.length, storage });
  return evaluate([logits], { ...parameters, input_ids: ints([row]) })[0]?.data ?? new Float64Array();
}

/** max |a − b|, where a has as many entries as b at its end. */
function difference(a: Float64Array | undefined, b: Float64Array): number {
  const tail = a?.subarray(a.length - b.length) ?? new Float64Array();
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - (tail[i] ?? Number.NaN))), 0);
}

const long = Array.from({ length: 12 }, (_, i) => (i * 37 + 11) % 96);
const short = long.slice(2, 9).map((id) => (id * 5 + 3) % 96);
const padding = long.length - short.length;

/** Slopes whose products with positions bfloat16 does not hold exactly. */
function withUnevenSlopes(model: Model): Model {
  const { positions } = model.spec;
  if (positions.kind !== 'alibi') throw new Error('the model has no slopes');
  return { ...model, spec: { ...model.spec, positions: { ...positions, slopes: [0.3, 0.07, 0.011, 0.9] } } };
}

describe('a padded batch, in one pass and with a cache, gives the logits of each sequence alone', () => {
  test.each(cases)('%s', async (name) => {
    await withModel(name, (stored, parameters) => {
      const model = name === 'falcon_rw_arch' ? withUnevenSlopes(stored) : stored;
      const expected = [plain(model, parameters, long), plain(model, parameters, short)] as const;
      const size = expected[0].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      const blank = Array.from({ length: padding }, (_, i) => 90 - i);
      const given = {
        ids: [long, [...blank, ...short]],
        mask: [long.map(() => 1), [...blank.map(() => 0), ...short.map(() => 1)]],
      };
      // As generate() of transformers makes them.
      const positionIds = [long.map((_, i) => i), [...blank.map(() => 1), ...short.map((_, i) => i)]];
      for (const more of [{ cuts: [0] }, { cuts: [0, 8, 9], positionIds }]) {
        const logits = run(model, parameters, { ...given, ...more });
        expect(difference(logits[0], expected[0])).toBeLessThan(1e-12 * size);
        expect(difference(logits[1], expected[1])).toBeLessThan(1e-12 * size);
      }
    });
  });
});
