/** Tensors' bytes in files that hold nothing else, as ONNX models have them beside them. */
export * from './read.ts';
export * from './write.ts';
