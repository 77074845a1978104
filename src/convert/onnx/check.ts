import { totalmem } from 'node:os';
import { dirname } from 'node:path';
import { z } from 'zod';
import { type FloatDType, isFloat } from '../../core/dtype.ts';
import { CheckFailedError } from '../../core/errors.ts';
import { sizeOf } from '../../core/shape.ts';
import { cpuEngine } from '../../engine/index.ts';
import { decodeModel, externalData } from '../../graph/index.ts';
import {
  certifyOnnx,
  type OnnxInputsOptions,
  type OnnxMeasurements,
  type OnnxSource,
  onnxFailures,
  onnxMeasurementsSchema,
} from './certificate/index.ts';
import type { OnnxPlan } from './plan.ts';
import { onnxReportSchema } from './report.ts';
import { centredValues } from './rewrite/centre.ts';
import { tensorReader } from './source.ts';

export const onnxCertificateFormatVersion = 1;

/** What lies beside a converted model as `<model>.certificate.json`. */
export const onnxCertificateSchema = z.strictObject({
  formatVersion: z.literal(onnxCertificateFormatVersion),
  normlabVersion: z.string(),
  source: z.strictObject({
    sha256: z.string(),
    files: z.array(z.strictObject({ name: z.string(), sha256: z.string() })),
  }),
  target: z.literal('rmsnorm'),
  /** Of ONNX's own operators. */
  opset: z.int(),
  ...onnxReportSchema.shape,
  measured: onnxMeasurementsSchema,
});
export type OnnxCertificate = z.infer<typeof onnxCertificateSchema>;

export interface CheckOptions {
  readonly out: string;
  /** What the model file holds. */
  readonly bytes: Uint8Array;
  readonly inputs?: OnnxInputsOptions | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** Certifies a result whose data lie in their place already. Throws CheckFailedError, which says what is off, if it fails. */
export async function checkOnnx(source: OnnxSource, plan: OnnxPlan, options: CheckOptions): Promise<OnnxMeasurements> {
  const { out, bytes, inputs, signal, onProgress } = options;
  const { rewriting } = plan;
  const model = decodeModel(bytes, out);
  const exactBytes = rewriting.centred.reduce((sum, { source: { shape } }) => sum + 8 * sizeOf(shape), 0);
  const availableBytes = totalmem() - exactBytes;
  const exact = await exactNumbers(source, plan);
  const measured = await certifyOnnx({
    source,
    written: {
      path: out,
      bytes,
      model,
      folder: dirname(out),
      external: await externalData(out, model.graph.initializers),
    },
    exact: (name) => exact.get(name),
    rewritten: rewrittenTypes(plan),
    norms: measuredNorms(plan),
    engine: cpuEngine(),
    availableBytes,
    inputs,
    signal,
    onRun: (done, total) => onProgress?.(`checking: run ${done + 1} of ${total}`),
  });
  if (measured.passed) return measured;
  throw new CheckFailedError(`${out}: not written: ${onnxFailures(measured.outputs).join('; ')}`);
}

async function exactNumbers(
  source: OnnxSource,
  { index, rewriting }: OnnxPlan,
): Promise<ReadonlyMap<string, Float64Array>> {
  const reader = tensorReader(source.external, index.constant);
  const exact = new Map<string, Float64Array>();
  for (const tensor of rewriting.centred) {
    const numbers = new Float64Array(sizeOf(tensor.source.shape));
    let at = 0;
    for await (const block of centredValues(tensor, reader)) {
      numbers.set(block, at);
      at += block.length;
    }
    exact.set(tensor.name, numbers);
  }
  return exact;
}

/** The source's constants that the result holds with other numbers. */
function rewrittenTypes({ rewriting }: OnnxPlan): ReadonlyMap<string, FloatDType> {
  const types = new Map<string, FloatDType>();
  for (const { source } of rewriting.centred) {
    if (isFloat(source.dtype)) types.set(source.name, source.dtype);
  }
  return types;
}

/** What the converted norms read, where the channels are the last axis. */
function measuredNorms({ index, decision, rewriting }: OnnxPlan) {
  return [...rewriting.inputs].flatMap(([i, after]) => {
    const norm = decision.norms[i]?.norm;
    const isMade = norm !== undefined && index.producer(norm.input) !== undefined;
    return isMade && norm.axis + 1 === index.shapes.shape(norm.input)?.length ? [{ before: norm.input, after }] : [];
  });
}
