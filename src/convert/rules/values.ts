import type { Value } from '../../graph/index.ts';
import { type DecoderSpec, decoderParameters } from '../../models/index.ts';
import type { ParameterValues } from './apply.ts';
import { readAll } from './matrix.ts';
import type { Parameters } from './steps.ts';

/** All parameters of a decoder, in memory. */
export async function readParameterValues(spec: DecoderSpec, parameters: Parameters): Promise<ParameterValues> {
  const values = new Map<string, Value>();
  for (const { name, shape } of decoderParameters(spec)) {
    values.set(name, { dtype: 'float', shape, data: await readAll(parameters(name)) });
  }
  return values;
}
