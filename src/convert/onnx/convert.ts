import { lstat, realpath, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { InputError, RefusalError } from '../../core/errors.ts';
import { writeJsonAtomically } from '../../core/files.ts';
import { formatBytes } from '../../core/format.ts';
import { quote } from '../../core/quote.ts';
import { normlabVersion } from '../../core/version.ts';
import type { ConversionTarget } from '../options.ts';
import { originText } from '../provenance.ts';
import { byteProgress } from '../write/flow.ts';
import { type OnnxInputsOptions, type OnnxSource, openOnnx } from './certificate/index.ts';
import { checkOnnx, type OnnxCertificate, onnxCertificateFormatVersion, onnxCertificateSchema } from './check.ts';
import { gatherFile, layOut } from './layout.ts';
import { planOnnx } from './plan.ts';
import { onnxProvenance, provenanceMetadata } from './provenance.ts';
import { type OnnxReport, reportOf } from './report.ts';
import type { NormOps } from './rewrite/normOps.ts';
import { hashOnnx } from './source.ts';
import { writeOutput } from './write.ts';

export interface ConvertOnnxOptions {
  /** The model file to convert; its external data lie beside it. */
  readonly source: string;
  /** The model file to create. */
  readonly out: string;
  readonly target: ConversionTarget;
  /** What the norms are written as. Default `auto`. */
  readonly normOps?: NormOps | undefined;
  /** The operator set of ONNX that the result imports. Default: the source's. */
  readonly opset?: number | undefined;
  /** Replace an existing file. Default false. */
  readonly force?: boolean | undefined;
  /** Measure how equal the result is, and keep it only if it passes. Default true. */
  readonly certify?: boolean | undefined;
  /** What the certificate compares on. Default: random inputs of seed 0. */
  readonly inputs?: OnnxInputsOptions | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a line that says where the work stands. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

export interface ConvertedOnnx {
  readonly status: 'converted';
  /** The model file that was written. */
  readonly path: string;
  /** The file of external data beside it; null where there is none. */
  readonly dataPath: string | null;
  readonly target: 'rmsnorm';
  /** The operator set of ONNX that it needs. */
  readonly opset: number;
  /** What was done, and why. */
  readonly report: OnnxReport;
  readonly bytesWritten: number;
  /** Null where none was asked for; it lies beside the model as `<model>.certificate.json`. */
  readonly certificate: OnnxCertificate | null;
}

export type ConvertOnnxResult =
  | ConvertedOnnx
  /** The model has nothing to convert; nothing was written. */
  | { readonly status: 'nothing-to-do'; readonly reason: string };

/**
 * Rewrites the LayerNorms of an exported ONNX model as RMSNorms where that leaves every output what it was.
 *
 * `out` comes into being as a whole or not at all. Throws RefusalError where no norm can be converted, InputError for what
 * can't be read or written.
 */
export async function convertOnnx(options: ConvertOnnxOptions): Promise<ConvertOnnxResult> {
  const { source: path, out, target, normOps = 'auto', signal = new AbortController().signal } = options;
  if (target !== 'rmsnorm') {
    throw new RefusalError(
      `${path}: an ONNX graph becomes rmsnorm only: ${target} drops a channel from every value of the stream, which other nodes count on; convert the checkpoint's folder instead`,
    );
  }
  const source = await openOnnx(path);
  const provenance = onnxProvenance(source.model);
  if (provenance !== undefined) {
    return { status: 'nothing-to-do', reason: `${path}: converted ${originText(provenance)} already; nothing to do` };
  }
  const plan = planOnnx(source.model, { normOps, opset: options.opset, source: path });
  const report = reportOf(plan);
  if (report.norms.length === 0) {
    return { status: 'nothing-to-do', reason: `${path}: has no LayerNorm; nothing to do` };
  }
  if (report.norms.every(({ outcome }) => outcome === 'kept')) throw new RefusalError(refusalText(path, report));
  await checkOut(source, out, options.force ?? false);

  let sourceBytes = 0;
  const hashed = await hashOnnx(source, {
    signal,
    onBytes(bytes) {
      sourceBytes += bytes;
      options.onProgress?.(`hashed ${formatBytes(sourceBytes)}`);
    },
  });
  const version = normlabVersion();
  const output = layOut(source, plan, {
    out,
    metadata: provenanceMetadata('rmsnorm', version, hashed.sha256),
    contentKey: JSON.stringify([hashed.sha256, version, normOps, plan.opset]),
  });
  const { onProgress } = options;
  const bytes = options.certify === false ? undefined : await gatherFile(output);
  const progress = byteProgress([sourceBytes, output.bytes], onProgress);
  progress.onRead(sourceBytes);
  let certificate: OnnxCertificate | null = null;
  await writeOutput(out, bytes === undefined ? output : { ...output, parts: [bytes] }, {
    signal,
    onBytes: progress.onWritten,
    async beforePlacing() {
      if (bytes !== undefined) {
        const measured = await checkOnnx(source, plan, { out, bytes, inputs: options.inputs, signal, onProgress });
        const { opset } = plan;
        certificate = onnxCertificateSchema.parse({
          formatVersion: onnxCertificateFormatVersion,
          normlabVersion: version,
          source: hashed,
          target,
          opset,
          ...report,
          measured,
        });
      }
      // That of a model which is replaced is none of this one.
      await rm(certificatePath(out), { force: true });
    },
  });
  if (certificate !== null) await writeJsonAtomically(certificatePath(out), certificate);
  return {
    status: 'converted',
    path: out,
    dataPath: output.data?.path ?? null,
    target,
    opset: plan.opset,
    report,
    bytesWritten: output.bytes,
    certificate,
  };
}

/** Where the certificate of a model lies. */
export function certificatePath(model: string): string {
  return `${model}.certificate.json`;
}

function refusalText(path: string, { norms }: OnnxReport): string {
  const [first] = norms;
  const which = norms.length === 1 ? 'its LayerNorm can’t' : `none of its ${norms.length} LayerNorms can`;
  return `${path}: ${which} become an RMSNorm: ${quote(first?.name ?? '')}: ${first?.why ?? ''}`;
}

/** Throws InputError where the result has no place: a folder, a file that is there, the source itself or its data. */
async function checkOut({ path, external }: OnnxSource, out: string, force: boolean): Promise<void> {
  if (!out.toLowerCase().endsWith('.onnx')) {
    throw new InputError(`${out}: an ONNX model becomes an ONNX model; give the result a name that ends in .onnx`);
  }
  const folder = await stat(dirname(resolve(out))).catch(() => undefined);
  if (!folder?.isDirectory()) throw new InputError(`${dirname(out)}: no such folder; create it first`);
  const there = await lstat(out).catch(() => undefined);
  if (there === undefined) return;
  const target = await realpath(out).catch(() => resolve(out));
  const sources = [await realpath(path), ...external.files];
  if (sources.includes(target))
    throw new RefusalError(`${out}: is the source; choose another name for the converted model`);
  if (there.isDirectory()) throw new InputError(`${out}: is a folder, expected a file or nothing`);
  if (!force) throw new InputError(`${out} exists; use --force to replace it`);
}

/** Whether a path is that of an ONNX model, not of a model's folder: whatever isn't a folder is taken for one, but for what a folder holds. */
export async function isOnnxPath(path: string): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) return path.toLowerCase().endsWith('.onnx');
  return !status.isDirectory() && !/\.(safetensors|gguf|json|bin)$/i.test(path);
}
