export { type Direction, directions, type NormShape } from './graph.ts';
export {
  type BenchNormsOptions,
  benchNorms,
  type NormBenchmark,
  type NormLowering,
  type NormOperation,
  type NormRotation,
} from './measure.ts';
