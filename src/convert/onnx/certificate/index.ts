export { type CertifyOnnxOptions, certifyOnnx } from './certify.ts';
export type { OnnxInputsOptions } from './inputs.ts';
export { onnxFailures } from './judge.ts';
export { onnxCertificateBytes } from './memory.ts';
export {
  type OnnxMeasurements,
  type OnnxOutputMeasurements,
  onnxMeasurementsSchema,
  onnxMeasurementsVersion,
} from './schema.ts';
export { type OnnxSide, type OnnxSource, openOnnx } from './side.ts';
