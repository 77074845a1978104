import { type DType, isFloat } from '../../../core/dtype.ts';
import { decodeFloat64, encode } from '../../../core/encoding.ts';
import { RefusalError } from '../../../core/errors.ts';
import { quote } from '../../../core/quote.ts';
import type { Engine, EngineOptions, EngineTensor, Session } from '../../../engine/index.ts';
import { elementTypeOf, type OnnxModel, type Value } from '../../../graph/index.ts';
import type { OnnxSide } from './side.ts';

/** Values by name. */
export type Values = ReadonlyMap<string, Value>;

/** A model in the engine; `bytes` where it isn't the file itself that is run. */
export async function openInEngine(
  engine: Engine,
  { bytes, model, folder }: Pick<OnnxSide, 'bytes' | 'model' | 'folder'>,
  options: Pick<EngineOptions, 'optimization' | 'quiet'> = {},
): Promise<Session> {
  const hasExternal = model.graph.initializers.some((tensor) => 'external' in tensor);
  const place = hasExternal ? { externalDataFolder: folder } : {};
  return await engine.createSession(bytes, { ...options, ...place }).catch(async (error: unknown) => {
    // Fused operators have kernels for fewer types than what they replace.
    return await engine.createSession(bytes, { ...options, optimization: 'disabled', ...place }).catch(() => {
      throw error;
    });
  });
}

/** Runs a session once: its float outputs. */
export async function runSession(session: Session, model: OnnxModel, inputs: Values): Promise<Values> {
  const feeds = Object.fromEntries(
    model.graph.inputs.flatMap(({ name, dtype }) => {
      const value = inputs.get(name);
      return value === undefined ? [] : [[name, toEngine(name, dtype, value)] as const];
    }),
  );
  const results = await session.run(feeds, floatOutputs(model));
  return new Map(Object.entries(results).map(([name, tensor]) => [name, fromEngine(tensor)]));
}

/** The outputs that are compared. */
export function floatOutputs(model: OnnxModel): readonly string[] {
  return model.graph.outputs.filter(({ dtype }) => isFloat(dtype)).map(({ name }) => name);
}

function fromEngine({ dtype, shape, data }: EngineTensor): Value {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dtype: elementTypeOf(dtype), shape, data: decodeFloat64(bytes, dtype) };
}

function toEngine(name: string, dtype: DType, { shape, data: values }: Value): EngineTensor {
  const { buffer } = encode(values, dtype);
  switch (dtype) {
    case 'float64':
      return { dtype, shape, data: new Float64Array(buffer) };
    case 'float32':
      return { dtype, shape, data: new Float32Array(buffer) };
    case 'float16':
      return { dtype, shape, data: new Uint16Array(buffer) };
    case 'int64':
      return { dtype, shape, data: new BigInt64Array(buffer) };
    case 'int32':
      return { dtype, shape, data: new Int32Array(buffer) };
    case 'int16':
      return { dtype, shape, data: new Int16Array(buffer) };
    case 'int8':
      return { dtype, shape, data: new Int8Array(buffer) };
    case 'uint64':
      return { dtype, shape, data: new BigUint64Array(buffer) };
    case 'uint32':
      return { dtype, shape, data: new Uint32Array(buffer) };
    case 'uint16':
      return { dtype, shape, data: new Uint16Array(buffer) };
    case 'uint8':
    case 'bool':
      return { dtype, shape, data: new Uint8Array(buffer) };
    case 'bfloat16':
      throw new RefusalError(`the input ${quote(name)} is bfloat16, which the engine takes from nobody`);
  }
}
