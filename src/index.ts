/**
 * Everything that normlab offers to other programs.
 *
 * What one works with every day is here by name; larger parts are namespaces, for instance `graph.matmul`.
 */
export * as bench from './bench/index.ts';
export * from './checkpoint/index.ts';
export * from './convert/index.ts';
export * from './core/dtype.ts';
export * from './core/errors.ts';
export * as engine from './engine/index.ts';
export * from './evidence/index.ts';
export * as generate from './generate/index.ts';
export * as graph from './graph/index.ts';
export * from './models/index.ts';
export * from './norms/index.ts';
export * as report from './report/index.ts';
export * as study from './study/index.ts';
export * as text from './text/index.ts';
export * as train from './train/index.ts';
