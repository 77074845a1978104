import { type ConversionVerdict, formatMeanings, originText } from '../../convert/index.ts';
import { byteSizes, type DType, floatDTypes } from '../../core/dtype.ts';
import { formatBytes, formatSignificant, formatTable } from '../../core/format.ts';
import type { PublishedCount } from '../../models/index.ts';
import { fitCells, wrapText } from '../fit.ts';
import { formatCount, formatParameters } from '../parameters.ts';
import type { Converted, Subject } from './subject.ts';

/** What `normlab inspect` prints. */
export function subjectText(subject: Subject, columns: number | undefined): string {
  const { name, preset, family, parameters, description, converted, problem } = subject;
  const title = `${name}: ${preset === null ? '' : `${preset.name}, `}family ${family}, ${formatParameters(parameters)} parameters`;
  const facts = [
    ['Parameters', parametersText(subject)],
    ['Weights', weightsText(subject)],
    ...subject.conversions.map((verdict) => [
      verdict.target.toUpperCase().replace('NORM', 'Norm'),
      verdictText(verdict),
    ]),
    ...(converted === null ? [] : [['Converted', convertedText(converted)]]),
    ...(preset === null ? [] : [['Source', `${preset.source} (${publishedText(preset.published)})`]]),
    ...(preset?.note === undefined ? [] : [['Note', preset.note]]),
    ...(problem === null ? [] : [['Problem', problem]]),
  ];
  const wrapped = (lines: readonly (readonly (string | undefined)[])[]) =>
    wrapText(lines.map(([label, text]) => `${`${label}:`.padEnd(12)}${text}`).join('\n'), columns);
  return [
    title,
    '',
    wrapped(description.map(({ label, text }) => [label, text])),
    '',
    normsTable(subject, columns),
    '',
    wrapped(facts),
  ].join('\n');
}

function normsTable({ norms }: Subject, columns: number | undefined): string {
  const headers = ['norm', 'where', 'count', 'width', 'epsilon', 'parameters', 'in all'];
  const rows = norms.map(({ name, where, count, width, epsilon, parameterNames, parameters }) => [
    name,
    where,
    String(count),
    formatCount(width),
    epsilon === 0 ? '0' : epsilon.toExponential().replace('e+0', ''),
    parameterNames.join(', ') || 'none',
    formatCount(parameters),
  ]);
  if (rows.length === 0) return 'It has no norms.';
  return formatTable(
    headers.map((header) => ({ header, align: /count|width|epsilon|in all/.test(header) ? 'right' : 'left' })),
    fitCells(headers, rows, columns),
  );
}

function parametersText({ parameters, norms }: Subject): string {
  const inNorms = norms.reduce((sum, group) => sum + group.parameters, 0);
  const count = norms.reduce((sum, group) => sum + group.count, 0);
  const share =
    inNorms === 0 ? 'none' : `${formatCount(inNorms)} (${formatSignificant((100 * inNorms) / parameters, 2)}%)`;
  return `${formatCount(parameters)}; ${share} of them in ${count} ${count === 1 ? 'norm' : 'norms'}`;
}

function weightsText({ weights, parameters, config, preset, problem }: Subject): string {
  if (weights !== null) {
    const { files, tensors, bytes, byDType, storedHead } = weights;
    const dtypes = [...byDType].map(([dtype, size]) => (byDType.size === 1 ? dtype : `${formatBytes(size)} ${dtype}`));
    const head = storedHead === undefined ? '' : `; ${storedHead} is stored too, although the head is tied`;
    return `${formatBytes(bytes)} (${dtypes.join(', ')}) in ${tensors} tensors, ${files} ${files === 1 ? 'file' : 'files'}${head}`;
  }
  const asked = configDType(config);
  const sizes = (asked === undefined ? (['float32', 'bfloat16'] as const) : [asked]).map(
    (dtype) => `${formatBytes(parameters * byteSizes[dtype])} in ${dtype}`,
  );
  const why = problem !== null ? 'unreadable' : preset === null ? 'none in this folder' : 'a preset has none';
  return `${why}; ${sizes.join(', ')}${asked === undefined ? '' : ', as the config says'}`;
}

/** transformers 4 says `torch_dtype`, 5 says `dtype`. */
function configDType(config: Subject['config']): DType | undefined {
  const name = config.torch_dtype ?? config.dtype;
  return floatDTypes.find((dtype) => dtype === name);
}

function verdictText(verdict: ConversionVerdict): string {
  switch (verdict.outcome) {
    case 'converts': {
      const { formats, tensors, rewritten, untiesHead, recentresInput } = verdict;
      const untied = untiesHead ? '; the head becomes a matrix of its own' : '';
      const recentred = recentresInput ? '; the mean of the embeddings’ sum is subtracted as it runs' : '';
      const names = formats.map((format) => `${format} (${formatMeanings.get(format)})`).join(', ');
      return `yes, without loss (normlab convert --to ${verdict.target}): ${rewritten} of ${tensors} tensors are rewritten${untied}${recentred}; formats: ${names}`;
    }
    case 'nothing-to-do':
      return verdict.foldable
        ? `${verdict.reason}; --fold moves the norms’ weights into the next linears`
        : verdict.reason;
    case 'refused':
      return `no: ${verdict.reason}`;
  }
}

function convertedText({ certificate, ...provenance }: Converted): string {
  const { target, folded } = provenance;
  const what = [
    ...(target === null ? [] : [`to ${target}`]),
    ...(folded ? ['norms’ weights folded into the next linears'] : []),
  ];
  const origin = `${what.join(', ')} ${originText(provenance)}`;
  if (certificate === null) return `${origin}; there is no certificate.json that could be read`;
  const { stored, limits, passed } = certificate;
  const figures = `max |Δlogit| ${stored.maxAbsLogit.toExponential(2)} as stored, limit ${limits.stored.toExponential(2)}`;
  return `${origin}; its certificate ${passed ? 'passed' : 'FAILED'} (${figures})`;
}

function publishedText({ parameters, unit, counts }: PublishedCount): string {
  const what = {
    all: '',
    tied_head_twice: ', the tied head stored again among them',
    without_embeddings: ', not counting the embeddings',
  }[counts ?? 'all'];
  return `${unit === 1 ? formatCount(parameters) : `rounded: ${formatParameters(parameters)}`} parameters${what}`;
}
