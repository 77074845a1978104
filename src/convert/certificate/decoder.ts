import type { Value } from '../../graph/index.ts';
import type { DecoderSpec } from '../../models/index.ts';
import { applyRule } from '../rules/apply.ts';
import { once, type RowMatrix, readAll } from '../rules/matrix.ts';
import type { TensorRule } from '../rules/plan.ts';
import { untied } from '../rules/spec.ts';
import type { Parameters } from '../rules/steps.ts';
import type { NarrowedParameter } from './stages.ts';

/** A decoder whose parameters are read when they are asked for, by canonical names and in canonical shapes. */
export interface Decoder {
  readonly spec: DecoderSpec;
  readonly parameters: Parameters;
}

/** Token ids `[batch, sequence]`. */
export type InputIds = readonly (readonly number[])[];

/** The same decoder with a head of its own, the bias of which is computed once however often its parts are read. */
export function withHead({ spec, parameters }: Decoder): Decoder {
  const bias = once(async () => readAll(parameters('head.bias')));
  return {
    spec: untied(spec),
    parameters(name) {
      if (name === 'head.weight' && spec.tiedHead) return parameters('embedding.token.weight');
      const matrix = parameters(name);
      return name === 'head.bias' ? { ...matrix, read: async () => (await bias()).slice() } : matrix;
    },
  };
}

/** What a plan's rules make of the parameters of the source, before any rounding. */
export function exactDecoder(spec: DecoderSpec, rules: readonly TensorRule[], source: Parameters): Decoder {
  const byName = new Map(rules.map((rule) => [rule.name, rule]));
  return {
    spec,
    parameters(name) {
      const rule = byName.get(name);
      if (rule === undefined) throw new Error(`convert: no rule makes ${name}`);
      return applyRule(rule, source);
    },
  };
}

/** The rows of a matrix, or the entries of a vector, that a stage uses. */
export async function readNarrowed(parameters: Parameters, { name, shape, ranges }: NarrowedParameter): Promise<Value> {
  return { dtype: 'float', shape, data: await rowsOf(parameters(name), shape.length === 1, ranges) };
}

async function rowsOf(
  matrix: RowMatrix,
  isVector: boolean,
  ranges: NarrowedParameter['ranges'],
): Promise<Float64Array> {
  if (ranges === undefined) return readAll(matrix);
  const all = isVector ? await readAll(matrix) : undefined;
  const parts: Float64Array[] = [];
  for (const range of ranges) parts.push(all?.slice(range.start, range.end) ?? (await matrix.read(range)));
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const data = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return data;
}
