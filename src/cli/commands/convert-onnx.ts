import { type ConvertedOnnx, convertOnnx, type OnnxReport } from '../../convert/index.ts';
import { InputError } from '../../core/errors.ts';
import { formatBytes, formatTable } from '../../core/format.ts';
import type { CommandContext } from '../command.ts';
import { onnxCertificateText } from '../onnx-certificate-text.ts';
import { quietProgress } from '../quiet-progress.ts';
import type { ConvertArguments } from './convert.ts';

/** `normlab convert <model.onnx> <out.onnx> --to rmsnorm`. */
export async function convertOnnxModel(
  source: string,
  out: string,
  given: ConvertArguments,
  { stdout, stderr, signal }: CommandContext,
): Promise<void> {
  refuseFolderOptions(source, given);
  const { onProgress, done } = quietProgress(stderr);
  const { to: target, normOps, opset, force, certify, inputs } = given;
  const result = await convertOnnx({
    source,
    out,
    target,
    normOps,
    opset,
    force,
    certify,
    inputs: inputs === undefined ? undefined : { file: inputs },
    signal,
    onProgress,
  }).finally(done);
  const text = result.status === 'nothing-to-do' ? result.reason : toText(result);
  stdout.write(`${given.json ? JSON.stringify(result, null, 2) : text}\n`);
}

/** What only a folder's weights can do. */
function refuseFolderOptions(source: string, given: ConvertArguments): void {
  const reasons: readonly (readonly [boolean, string])[] = [
    [given.format !== undefined, '--format says how a folder is stored; an ONNX model stays one'],
    [given.dtype !== 'source', '--dtype would change what the other nodes get; export the model in that type'],
    [given.fold === true, '--fold is for folders; in a graph the norms keep their weights'],
    [given.qkNorms === true, '--qk-norms is for folders; in a graph every norm is looked at'],
    [given.text !== undefined || given.tokens !== undefined, '--text needs a tokenizer, which a folder has'],
  ];
  if (given.inputs !== undefined && !given.certify) {
    throw new InputError('convert: --inputs is for the certificate, and --no-certify leaves that out');
  }
  const [first] = reasons.filter(([isGiven]) => isGiven);
  if (first !== undefined) throw new InputError(`convert: ${source} is an ONNX model: ${first[1]}`);
}

function toText({ path, dataPath, report, bytesWritten, certificate }: ConvertedOnnx): string {
  const { norms, centred, explicit } = report;
  const converted = norms.filter(({ outcome }) => outcome === 'converted').length;
  const copies = centred.filter(({ copy }) => copy !== null).map(({ tensor }) => tensor);
  const folded = new Set(centred.flatMap((tensor) => tensor.folded));
  return [
    normsTable(report),
    '',
    ...(certificate === null ? ['Not certified (--no-certify).'] : [onnxCertificateText(certificate), '']),
    `Converted: ${converted} of ${norms.length} norms; ${centred.length} tensors lost their mean over the channels.`,
    ...explicit.map(
      ({ value }) => `Explicit: ${value} can’t be centred at its source, so that two ops take its mean out.`,
    ),
    ...(copies.length === 0 ? [] : [`Split: others read ${copies.join(', ')}, of which the stream got a copy.`]),
    ...(folded.size === 0 ? [] : [`Folded: ${[...folded].join(', ')} into what they scaled.`]),
    `Written to ${path}${dataPath === null ? '' : ` and ${dataPath}`}: ${formatBytes(bytesWritten)}.`,
  ].join('\n');
}

function normsTable({ norms }: OnnxReport): string {
  return formatTable(
    ['norm', { header: 'width', align: 'right' }, { header: 'ε', align: 'right' }, 'became', 'why'],
    norms.map(({ name, width, epsilon, form, why }) => [
      name,
      width,
      epsilon === null ? null : String(Number(epsilon.toPrecision(7))),
      form ?? 'kept',
      why,
    ]),
  );
}
