import type { DType } from '../../core/dtype.ts';
import type { StaticShape } from '../../core/shape.ts';

/** Where a tensor lies in its file, and as what. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: StaticShape;
  /** From the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** What a header may take, as in the reference implementation. */
export const maxHeaderBytes = 100_000_000;

/** The name under which the header keeps its free-form strings; no tensor may have it. */
export const metadataKey = '__metadata__';

/** The format's names of the element types. */
export const formatDTypes: Readonly<Record<DType, string>> = {
  float64: 'F64',
  float32: 'F32',
  float16: 'F16',
  bfloat16: 'BF16',
  int64: 'I64',
  int32: 'I32',
  int16: 'I16',
  int8: 'I8',
  uint64: 'U64',
  uint32: 'U32',
  uint16: 'U16',
  uint8: 'U8',
  bool: 'BOOL',
};
