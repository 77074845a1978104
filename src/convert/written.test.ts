import { describe, expect, test } from 'vitest';
import { type FloatDType, floatDTypes } from '../core/dtype.ts';
import { ulp } from '../core/rounding.ts';
import { decoderParts, type Model, openModel, type Part } from '../models/index.ts';
import { converted, goldenFolder, temporaryPaths } from './golden.fixture.ts';
import { preLnCases } from './preLnCases.fixture.ts';
import { storedParameters } from './rules/apply.ts';
import { readAll } from './rules/matrix.ts';
import { storedDType } from './write/layout.ts';

const temporary = temporaryPaths();

/** The parameters that write to the stream, and the axis that is the hidden dimension. */
function writersOf({ spec, storage }: Model): readonly { readonly name: string; readonly axis: 'rows' | 'columns' }[] {
  const isWritten = (part: Part): boolean =>
    part.type === 'embedding'
      ? spec.recentreInput !== true && !(part.name === 'embedding.token' && spec.embeddingSize !== undefined)
      : part.type === 'linear' && part.writes === 'stream';
  return decoderParts(spec)
    .filter(isWritten)
    .flatMap(({ name, type }) => [
      { name: `${name}.weight`, axis: type === 'embedding' ? ('rows' as const) : ('columns' as const) },
      { name: `${name}.bias`, axis: 'rows' as const },
    ])
    .filter(({ name }) => storage.has(name));
}

/** The sums over the hidden dimension and the largest magnitude of what each one adds up. */
function sums(data: Float64Array, columns: number, axis: 'rows' | 'columns') {
  const rows = data.length / columns;
  const [count, length] = axis === 'rows' ? [rows, columns] : [columns, rows];
  return Array.from({ length: count }, (_, i) => {
    const entries = Array.from(
      { length },
      (_, j) => data[axis === 'rows' ? i * columns + j : j * columns + i] ?? Number.NaN,
    );
    return {
      length,
      sum: entries.reduce((total, entry) => total + entry, 0),
      largest: entries.reduce((most, entry) => Math.max(most, Math.abs(entry)), 0),
    };
  });
}

/** The largest |mean over the hidden dimension| of a written parameter, in units of the largest entry in the mean. */
async function meanInUnits(model: Model, name: string, axis: 'rows' | 'columns', dtype: FloatDType): Promise<number> {
  const matrix = storedParameters(model.checkpoint, model.storage)(name);
  const units = sums(await readAll(matrix), matrix.columns, axis).map(({ sum, length, largest }) =>
    sum === 0 ? 0 : Math.abs(sum / length) / ulp(largest, dtype),
  );
  return Math.max(...units);
}

describe.each(preLnCases)('%s', (name) => {
  test.each(floatDTypes)('the files of %s show that the stream has no mean: by less than one ulp', async (dtype) => {
    const out = await temporary(`${name}-${dtype}`);
    await converted({ source: goldenFolder(name), out, target: 'rmsnorm', dtype, certify: false });
    const model = await openModel(out);
    try {
      const writers = writersOf(model);
      expect(writers.length).toBeGreaterThanOrEqual(2 * model.spec.numLayers);
      for (const { name: parameter, axis } of writers) {
        expect(storedDType(model, model.storage, parameter)).toBe(dtype);
        expect(await meanInUnits(model, parameter, axis, dtype), parameter).toBeLessThanOrEqual(1);
      }
    } finally {
      await model.checkpoint.close();
    }
  });

  test('the files of crmsnorm hold d − 1 entries wherever the stream is read or written', async () => {
    const out = await temporary(`${name}-crmsnorm`);
    await converted({ source: goldenFolder(name), out, target: 'crmsnorm', certify: false });
    const model = await openModel(out);
    try {
      const { spec, checkpoint, storage } = model;
      expect(spec.streamSize).toBe(spec.hiddenSize - 1);
      const parameters = storedParameters(checkpoint, storage);
      for (const part of decoderParts(spec)) {
        if (part.type !== 'linear' || !storage.has(`${part.name}.weight`)) continue;
        const { rows, columns } = parameters(`${part.name}.weight`);
        if (part.writes === 'stream') expect(rows, part.name).toBe(spec.hiddenSize - 1);
        if (part.reads === 'stream') expect(columns, part.name).toBe(spec.hiddenSize - 1);
      }
      for (const { name: writer, axis } of writersOf(model)) {
        const { rows, columns } = parameters(writer);
        expect(axis === 'rows' ? columns : rows, writer).toBe(spec.hiddenSize - 1);
      }
    } finally {
      await model.checkpoint.close();
    }
  });
});
