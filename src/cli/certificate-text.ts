import type { CertificateInputs, DecoderComparison } from '../convert/index.ts';
import { formatSignificant, formatTable } from '../core/format.ts';

/** What a certificate measured, as a table of the differences and of the perplexities on a text. */
export function differencesText(measured: DecoderComparison, inputs: CertificateInputs): string {
  const { algebra, stored, run, floor, engineFloor, limits, perplexity } = measured;
  const row = (label: string, figures: DecoderComparison['floor'], limit: number | null) => [
    label,
    scientific(figures.maxAbsLogit),
    limit === null ? null : scientific(limit),
    scientific(figures.nmse),
    scientific(figures.kl),
    `${formatSignificant(100 * figures.top1Agreement)}%`,
  ];
  const table = formatTable(
    ['difference to the source', 'max |Δlogit|', 'limit', 'NMSE', 'KL (nats)', 'same top-1'],
    [
      ...(algebra === null ? [] : [row('algebra: float64, before rounding', algebra, limits.algebra)]),
      row('stored: float64, as written', stored, limits.stored),
      row('run: float32 engine, as written', run, limits.run),
      row('floor: rounding alone', floor, null),
      row('floor: float32 engine alone', engineFloor, null),
    ],
  );
  return [
    table,
    '',
    `Compared on ${inputsText(inputs)}.`,
    streamText(stored),
    ...(perplexity === null ? [] : [perplexityText(perplexity)]),
  ].join('\n');
}

/** The largest |mean over the hidden dimension| of the residual stream, layer by layer. */
export function streamTable({ stored }: Pick<DecoderComparison, 'stored'>): string {
  const { before, after } = stored.residualMeans;
  return formatTable(
    ['largest |mean| of the stream', 'source', 'converted'],
    before.map((mean, i) => [
      i === 0 ? 'after the embeddings' : `after layer ${i}`,
      scientific(mean),
      scientific(after[i] ?? Number.NaN),
    ]),
  );
}

function inputsText(inputs: CertificateInputs): string {
  const [row = []] = inputs.inputIds;
  const shape = `${inputs.inputIds.length} × ${row.length}`;
  switch (inputs.kind) {
    case 'random':
      return `${shape} random ids of seed ${inputs.seed}`;
    case 'text':
      return `the first ${inputs.inputIds.length * row.length} tokens of ${inputs.file} (${shape})`;
    case 'given':
      return `${shape} ids: ${inputs.label}`;
  }
}

function streamText({ residualMeans: { before, after } }: DecoderComparison['stored']): string {
  const most = (means: readonly number[]) => scientific(means.reduce((a, b) => Math.max(a, b), 0));
  return `Mean of the residual stream: at most ${most(before)} in the source, ${most(after)} in the converted model.`;
}

function perplexityText({ source, stored, sourceRun, run }: NonNullable<DecoderComparison['perplexity']>): string {
  const of = (value: number) => formatSignificant(value, 8);
  return `Perplexity: ${of(source)} of the source, ${of(stored)} of the converted model in float64; ${of(sourceRun)} and ${of(run)} in the float32 engine.`;
}

function scientific(value: number): string {
  return value === 0 ? '0' : value.toExponential(2);
}

/** `, 1.2 times the floor`; empty where there is no floor. */
export function floorsText({ floor, stored }: Pick<DecoderComparison, 'floor' | 'stored'>): string {
  const ratio = stored.maxAbsLogit / floor.maxAbsLogit;
  return Number.isFinite(ratio) ? `, ${formatSignificant(ratio)} times the floor` : '';
}
