export * from './norms/index.ts';
