import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createRandom } from '../core/random.ts';
import { sizeOf } from '../core/shape.ts';
import { emitOnnx, encodeModel, evaluate, makeValue, type Value } from '../graph/index.ts';
import { buildDecoder } from './build.ts';
import { golden } from './checkpoint.fixture.ts';
import { decoderParameters } from './layout.ts';
import { openModel } from './load.ts';
import { buildPiece, type Piece } from './pieces.ts';
import type { DecoderSpec } from './spec.ts';

const size = { batch: 2, sequence: 3 };
const ids = [4, 0, 7, 7, 2, 1];

async function specOf(name: string): Promise<DecoderSpec> {
  const { spec, checkpoint } = await openModel(golden(name));
  await checkpoint.close();
  return spec;
}

function randomParameters(spec: DecoderSpec): ReadonlyMap<string, Value> {
  const random = createRandom('pieces');
  return new Map(
    decoderParameters(spec).map(({ name, shape }) => {
      const stream = random.split(name);
      return [
        name,
        makeValue(
          'float',
          shape,
          Float64Array.from({ length: sizeOf(shape) }, () => 0.3 * stream.normal()),
        ),
      ];
    }),
  );
}

test.each(readdirSync(golden('.')))(
  '%s: pieces one after the other compute what the whole decoder does',
  async (name) => {
    const spec = await specOf(name);
    const parameters = randomParameters(spec);
    const inputIds = makeValue('int', [size.batch, size.sequence], ids);
    const graph = buildDecoder(spec, size);
    const whole = evaluate([graph.logits, graph.lastBlockOut], {
      ...Object.fromEntries(parameters),
      input_ids: inputIds,
    });

    const run = (piece: Piece, x: Value | undefined): Value => {
      const { output, parameters: names } = buildPiece(spec, piece, size);
      const feeds = Object.fromEntries(
        [...names].map(([own, canonical]) => [own, parameters.get(canonical) ?? inputIds]),
      );
      const [result] = evaluate([output], { ...feeds, ...(x === undefined ? { input_ids: inputIds } : { x }) });
      if (result === undefined) throw new Error('nothing was computed');
      return result;
    };
    let x = run({ kind: 'embedding' }, undefined);
    for (let layer = 0; layer < spec.numLayers; layer++) x = run({ kind: 'block', layer }, x);
    expect(x).toEqual(whole[1]);
    expect(run({ kind: 'logits' }, run({ kind: 'end' }, x))).toEqual(whole[0]);
  },
);

test('blocks have one graph unless they differ in more than their weights', async () => {
  const spec = await specOf('gpt_neox_parallel');
  const distinct = (windows: readonly number[]) => {
    const windowed = { ...spec, attention: { ...spec.attention, windows } };
    const models = Array.from({ length: spec.numLayers }, (_, layer) =>
      Buffer.from(encodeModel(emitOnnx({ y: buildPiece(windowed, { kind: 'block', layer }, size).output }))).toString(
        'latin1',
      ),
    );
    return new Set(models).size;
  };
  expect(spec.numLayers).toBeGreaterThan(1);
  expect(distinct(Array.from({ length: spec.numLayers }, () => 2))).toBe(1);
  expect(distinct(Array.from({ length: spec.numLayers }, (_, layer) => 1 + (layer % 2)))).toBe(2);
});

test('a piece can have some rows of a parameter', async () => {
  const spec = await specOf('gpt2_n36_untied');
  const rows = new Map([['head.weight', 5]]);
  const { output } = buildPiece(spec, { kind: 'logits' }, { ...size, rows });
  expect(output.shape).toEqual([2, 3, 5]);
});
