export { UnsupportedOpError } from './context.ts';
export { evaluateOnnx, evaluateOnnxSteps, type OnnxEvaluateOptions, unsupportedOps } from './evaluate.ts';
export { elementTypeOf, onnxValue } from './values.ts';
