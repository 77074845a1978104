import type { Range, TensorReader } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { sameShape } from '../../core/shape.ts';
import type { Value } from '../../graph/index.ts';
import type { Storage } from '../../models/index.ts';
import { constantMatrix, matrixOf, type RowMatrix, readAll, type StoredRows, transpose } from './matrix.ts';
import type { TensorRule } from './plan.ts';
import { applyStep, type Parameters } from './steps.ts';

/** Parameters in float64, by canonical name and in canonical shape. */
export type ParameterValues = ReadonlyMap<string, Value>;

/** The parameters of a checkpoint in their canonical shapes, read when asked for. A vector is one row. */
export function storedParameters(
  reader: Pick<TensorReader, 'tensors' | 'read' | 'readFloat64'>,
  storage: Storage,
  maxElements?: number,
): Parameters {
  return (name) => {
    const place = storage.get(name);
    const info = reader.tensors.get(place?.tensor ?? '');
    if (place === undefined || info === undefined) throw new Error(`convert: the source has no parameter ${name}`);
    const [allRows = 1, columns] = info.shape;
    const { dtype } = info;
    if (columns === undefined) {
      const bytes: StoredRows = { dtype, read: (_, into) => reader.read(info.name, {}, into) };
      return { rows: 1, columns: allRows, read: () => reader.readFloat64(info.name), stored: bytes };
    }
    const { row, rows } = place.within ?? { row: 0, rows: allRows };
    const read = ({ start, end }: Range) => reader.readFloat64(info.name, { start: row + start, end: row + end });
    const rowBytes = columns * byteSizes[dtype];
    const bytes: StoredRows = {
      dtype,
      read: ({ start, end }, into) =>
        reader.read(info.name, { start: (row + start) * rowBytes, end: (row + end) * rowBytes }, into),
    };
    const stored: RowMatrix = { rows, columns, read, stored: bytes };
    return place.transposed ? transpose(stored, maxElements) : stored;
  };
}

/** Parameters that are in memory. */
export function valueParameters(values: ParameterValues): Parameters {
  return (name) => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`convert: the source has no parameter ${name}`);
    return matrixOf(value.data, value.shape.at(-1) ?? 1);
  };
}

/** The result of a rule in its canonical shape; a vector is one row. Nothing is read before it is. */
export function applyRule(rule: TensorRule, parameters: Parameters, maxElements?: number): RowMatrix {
  const [rows = 1, columns = 1] = rule.shape.length === 1 ? [1, ...rule.shape] : rule.shape;
  const start = rule.from === 'source' ? parameters(rule.name) : constantMatrix(rows, columns, rule.from);
  const result = rule.steps.reduce((matrix, step) => applyStep(matrix, step, parameters, maxElements), start);
  if (!sameShape([result.rows, result.columns], [rows, columns])) {
    throw new InputError(
      `convert: ${rule.name} becomes [${result.rows}, ${result.columns}], expected [${rows}, ${columns}]`,
    );
  }
  return result;
}

/** Applies rules in memory, before any rounding. What is copied shares its data with the source. */
export async function applyRules(rules: readonly TensorRule[], source: ParameterValues): Promise<ParameterValues> {
  const parameters = valueParameters(source);
  const results = new Map<string, Value>();
  for (const rule of rules) {
    const copied = rule.from === 'source' && rule.steps.length === 0 ? source.get(rule.name) : undefined;
    const value = copied ?? {
      dtype: 'float',
      shape: rule.shape,
      data: await readAll(applyRule(rule, parameters)),
    };
    results.set(rule.name, value);
  }
  return results;
}
