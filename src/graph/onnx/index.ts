export { decodeModel } from './decode.ts';
export { encodeModel } from './encode.ts';
export type * from './types.ts';
