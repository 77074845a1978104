import { byteSizes, type FloatDType } from '../../../core/dtype.ts';
import { RefusalError } from '../../../core/errors.ts';
import { type GgufArchitecture, ggufStorage, type Storage } from '../../../models/index.ts';
import { type OutputTensor, outputLayout } from '../../write/layout.ts';
import type { OutputRequest } from '../format.ts';

/** The file in a converted folder. */
export const ggufFileName = 'model.gguf';

/** llama.cpp's codes of a file whose matrices are of a type. */
const fileTypes = { float32: 0, float16: 1, bfloat16: 32 } as const;

/** What llama.cpp takes in float32 alone, or where it would gain nothing from less, besides vectors. */
const wide = /^(position_embd|blk\.\d+\.ffn_gate_inp)\./;

/** The tensors of the file, all of one of their parts with one element type. Throws RefusalError for float64. */
export function ggufTensors(
  { model, plan, dtype }: Pick<OutputRequest, 'model' | 'plan' | 'dtype'>,
  architecture: GgufArchitecture,
  sourceStorage: Storage,
): readonly OutputTensor[] {
  const storage = ggufStorage(architecture, plan.spec);
  const tensors = outputLayout(model, { rules: plan.rules, storage, dtype, sourceStorage });
  const double = tensors.find((tensor) => tensor.dtype === 'float64');
  if (double !== undefined) {
    throw new RefusalError(
      `${model.folder}: format gguf: ${double.rule.name} is stored as float64, which llama.cpp does not compute with; use --dtype float32`,
    );
  }
  const dtypes = new Map<string, FloatDType>();
  for (const tensor of tensors) dtypes.set(tensor.name, commonType(typeOf(tensor), dtypes.get(tensor.name)));
  return tensors.map((tensor) => ({
    ...tensor,
    file: ggufFileName,
    dtype: dtypes.get(tensor.name) ?? tensor.dtype,
  }));
}

function typeOf({ rule, name, dtype }: OutputTensor): FloatDType {
  return rule.shape.length === 1 || wide.test(name) ? 'float32' : dtype;
}

function commonType(one: FloatDType, other: FloatDType = one): FloatDType {
  return one === other ? one : 'float32';
}

/** The code of the type that takes most of the file. */
export function fileType(tensors: readonly OutputTensor[]): number {
  const bytes = { float32: 0, float16: 0, bfloat16: 0 };
  for (const { dtype, rule } of tensors) {
    if (dtype === 'float64' || rule.shape.length === 1) continue;
    bytes[dtype] += rule.shape.reduce((a, b) => a * b, byteSizes[dtype]);
  }
  const order = ['float32', 'float16', 'bfloat16'] as const;
  return fileTypes[order.reduce((most, dtype) => (bytes[dtype] > bytes[most] ? dtype : most))];
}
