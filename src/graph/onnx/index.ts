export { decodeModel } from './decode.ts';
export { onnxDTypes, onnxTypeCodes } from './dtypes.ts';
export type { AddedInitializer, GraphEdit, ModelEdit, NodeEdit, TensorBytes } from './edit.ts';
export { editModel } from './edit.ts';
export { encodeModel, maxModelBytes } from './encode.ts';
export { type ExternalData, externalData } from './external.ts';
export * from './shapes/index.ts';
export type * from './types.ts';
export type { Part } from './wire.ts';
