/** The lossless conversion of Pre-LN models to Pre-RMSNorm and Pre-CRMSNorm. Published as `normlab/convert`. */

export { type CertifyOptions, certify } from './certificate/certify.ts';
export type { Decoder, InputIds } from './certificate/decoder.ts';
export type { InputsOptions } from './certificate/inputs.ts';
export { failures } from './certificate/limits.ts';
export type { DecoderComparison, Measurements } from './certificate/measure.ts';
export { certificateBytes, certificateMemory } from './certificate/memory.ts';
export { readCertificate } from './certificate/read.ts';
export {
  type Certificate,
  type CertificateInputs,
  certificateFormatVersion,
  certificateSchema,
  type Difference,
  type LogitDifference,
} from './certificate/schema.ts';
export { type CertifiedModels, type CertifyModelsOptions, certifyModels } from './certify-models.ts';
export { type ConversionResult, type ConvertedModel, type ConvertOptions, convertModel } from './convert.ts';
export { writeGgufModel } from './formats/gguf/write.ts';
export { type ConversionFormat, conversionFormats, formatMeanings } from './formats/registry.ts';
export { type OnnxCertificate, onnxCertificateSchema } from './onnx/check.ts';
export {
  type ConvertedOnnx,
  type ConvertOnnxOptions,
  type ConvertOnnxResult,
  convertOnnx,
  isOnnxPath,
} from './onnx/convert.ts';
export type { OnnxReport } from './onnx/report.ts';
export { type NormOps, normOps } from './onnx/rewrite/normOps.ts';
export {
  type ConversionTarget,
  conversionTargets,
  type RewriteOptions,
  type StoredDType,
  storedDTypes,
} from './options.ts';
export { originText, type Provenance, provenanceOf } from './provenance.ts';
export { applyRule, applyRules, type ParameterValues, storedParameters, valueParameters } from './rules/apply.ts';
export { llamaPlan } from './rules/llama.ts';
export { blocksOf, defaultBlockElements, matrixOf, type RowMatrix, readAll } from './rules/matrix.ts';
export { type ConversionPlan, conversionPlan, type TensorRule } from './rules/plan.ts';
export { convertedSpec } from './rules/spec.ts';
export { applyStep, describeStep, type Parameters, type Step } from './rules/steps.ts';
export { type ConversionVerdict, conversionVerdict } from './verdict.ts';
