/** Everything that normlab offers to other programs. The graph's operations are under `graph`, the engine under `engine`. */
export * from './checkpoint/index.ts';
export * from './core/dtype.ts';
export * from './core/errors.ts';
export * as engine from './engine/index.ts';
export * as graph from './graph/index.ts';
export * from './models/index.ts';
export * from './norms/index.ts';
