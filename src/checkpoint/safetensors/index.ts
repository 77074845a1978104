/** Reading safetensors files by range and writing them as a stream. Published as `normlab/safetensors`. */
export type { DType } from '../../core/dtype.ts';
export { decodeFloat32, decodeFloat64, encode } from '../../core/encoding.ts';
export { InputError } from '../../core/errors.ts';
export { lookUp, type TensorReader } from '../fileReader.ts';
export type { TensorEntry } from './entries.ts';
export { formatDTypes, type TensorInfo } from './format.ts';
export { openSafetensors, type SafetensorsFile } from './read.ts';
export { defaultBlockBytes, type Range, rowBlocks, rowCount } from './rows.ts';
export { type WriteSafetensorsOptions, writeSafetensors } from './write.ts';
