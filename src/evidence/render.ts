import { sourcesByKey } from './lookup.ts';
import {
  type Citation,
  type Claim,
  confidenceMeaning,
  type Measurement,
  type ModelRecord,
  type PaperRecord,
} from './schema.ts';

/** One line of a table of models. Every cell is a short text. */
export interface ModelRow {
  readonly id: string;
  readonly model: string;
  readonly year: string;
  readonly norm: string;
  readonly placement: string;
  readonly qkNorm: string;
  readonly epsilon: string;
  readonly reason: string;
  readonly ablation: string;
  readonly confidence: string;
}

/** One measured value of a claim, as a line of a table. */
export interface ClaimRow {
  readonly claim: string;
  readonly quantity: string;
  readonly variant: string;
  readonly value: string;
  readonly unit: string;
  readonly changePercent: string;
}

/** `Narang et al. 2021 (arXiv:2102.11972), Table 1`. */
export function formatCitation(citation: Citation): string {
  const source = sourcesByKey().get(citation.source);
  return source
    ? `${source.short} ${source.year} (${source.identifier}), ${citation.section}`
    : `${citation.source}, ${citation.section}`;
}

/** The exponent form for small values: `1e-5`. */
export function formatEpsilon(value: number): string {
  return value.toExponential().replace('e+0', '');
}

const notOfKind = { kind: '', both: '', placement: ' (of the placement)', bias: ' (of having no bias)' } as const;

const reasonFor = {
  kind: 'the kind of norm',
  both: 'kind and placement',
  placement: 'the placement, not the kind',
  bias: 'having no bias, not for the kind',
} as const;

function reasonCell(model: ModelRecord): string {
  if (model.statedReason) {
    return `${model.statedReason.grounds.join(', ')}${notOfKind[model.statedReason.addresses]}`;
  }
  return model.reportRead ? 'none given' : 'not looked up';
}

function ablationCell(model: ModelRecord): string {
  if (!model.ablation.exists) {
    return 'none found';
  }
  return model.ablation.ofKind ? 'LayerNorm vs RMSNorm' : 'confounded';
}

function epsilonCell({ epsilon }: ModelRecord): string {
  if (!epsilon) {
    return 'not stated';
  }
  return `${formatEpsilon(epsilon.value)}${epsilon.confidence === 'read' ? '' : ` (${epsilon.confidence})`}`;
}

/** The record as one line of a table. */
export function modelRow(model: ModelRecord): ModelRow {
  return {
    id: model.id,
    model: model.name,
    year: String(model.year),
    norm: model.norm,
    placement: model.placement,
    qkNorm: model.qkNorm ?? 'no',
    epsilon: epsilonCell(model),
    reason: reasonCell(model),
    ablation: ablationCell(model),
    confidence: model.confidence,
  };
}

/** How far a value is from the first of its measurement, in percent; null where that is undefined. */
export function changePercent(measurement: Measurement, index: number): number | null {
  const baseline = measurement.values[0]?.value;
  const value = measurement.values[index]?.value;
  const isComparable = measurement.unit !== '%' && measurement.better !== 'neither';
  if (index === 0 || baseline === undefined || value === undefined || baseline === 0 || !isComparable) {
    return null;
  }
  return (value / baseline - 1) * 100;
}

function signed(percent: number): string {
  return `${percent > 0 ? '+' : ''}${percent.toFixed(1)}`;
}

/** The claim's values as lines of a table. */
export function claimRows(claim: Claim): readonly ClaimRow[] {
  return claim.measurements.flatMap((measurement) =>
    measurement.values.map((entry, i): ClaimRow => {
      const change = changePercent(measurement, i);
      return {
        claim: claim.id,
        quantity: measurement.quantity,
        variant: entry.variant,
        value: entry.spread ? `${entry.value} ± ${entry.spread.amount}` : String(entry.value),
        unit: measurement.unit,
        changePercent: change === null ? '' : signed(change),
      };
    }),
  );
}

function list(heading: string, items: readonly string[]): readonly string[] {
  return items.length === 0 ? [] : [heading, ...items.map((item) => `  - ${item}`)];
}

function epsilonLine(model: ModelRecord): string {
  if (!model.epsilon) {
    return 'Epsilon:    not stated in what was read';
  }
  const { value, note, source, confidence } = model.epsilon;
  return `Epsilon:    ${formatEpsilon(value)} (${note}) [${sourcesByKey().get(source)?.identifier ?? source}; ${confidence}]`;
}

function reasonLines(model: ModelRecord): readonly string[] {
  const reason = model.statedReason;
  if (!reason) {
    return [
      `Reason:     ${model.reportRead ? 'none given in the report' : 'the report was not looked through for one'}`,
    ];
  }
  return [
    `Reason:     ${reason.text}`,
    `            (a reason for ${reasonFor[reason.addresses]}; backed by: ${reason.backing}) [${formatCitation(reason)}]`,
  ];
}

function ablationLines(model: ModelRecord): readonly string[] {
  const { ablation } = model;
  const kind = ablation.exists
    ? ablation.ofKind
      ? ' (LayerNorm against RMSNorm proper)'
      : ' (not LayerNorm against RMSNorm proper)'
    : '';
  const cite = ablation.source ? ` [${formatCitation(ablation.source)}]` : '';
  return [
    `Comparison: ${ablation.summary}${kind}${cite}`,
    ...list('Confounded by:', ablation.confounds),
    ...list('See the claims:', ablation.claims),
  ];
}

/** The record as plain text of several lines, for a terminal. No trailing newline. */
export function describeModel(model: ModelRecord): string {
  const sizes = model.sizes.length > 0 ? `; ${model.sizes.join(', ')}` : '';
  return [
    `${model.name} (${model.organization}, ${model.year}${sizes})`,
    `Norm:       ${model.norm}, placement ${model.placement}, final norm ${model.finalNorm ?? 'not established'}`,
    `QK norm:    ${model.qkNorm ?? 'none'}`,
    epsilonLine(model),
    ...reasonLines(model),
    ...ablationLines(model),
    ...model.corrections.flatMap(({ belief, why, sources }) => [
      `Often believed, and wrong: ${belief}`,
      `  ${why}`,
      `  [${sources.map(formatCitation).join('; ')}]`,
    ]),
    ...list('Notes:', model.notes),
    `Confidence: ${model.confidence} (${confidenceMeaning[model.confidence]})`,
    ...list('Sources:', model.sources.map(formatCitation)),
  ].join('\n');
}

/** The paper and its claims as plain text of several lines, for a terminal. No trailing newline. */
export function describePaper(paper: PaperRecord): string {
  const { source } = paper;
  return [
    `${source.short} ${source.year}: ${source.title} (${source.identifier})`,
    ...paper.claims.flatMap((claim) => [
      `${claim.id} [${claim.section}; ${claim.confidence}]`,
      `  ${claim.summary}`,
      ...claim.doesNotShow.map((limit) => `  does not show: ${limit}`),
    ]),
    ...list('Notes:', paper.notes),
  ].join('\n');
}
