export { decodeModel } from './decode.ts';
export { encodeModel } from './encode.ts';
export * from './evaluate/index.ts';
export type * from './types.ts';
