import * as Plot from '@observablehq/plot';
import { powerOfTen, scientific } from '../format.ts';
import { catalogueName } from '../names.ts';
import { color } from '../palette.ts';
import type { ConversionResult, StudyResults } from '../results.ts';
import type { Figure } from './figure.ts';
import { drawSvg, fontSize, type LegendEntry, textWidth } from './svg.ts';

const rowHeight = 24;
const algebraLimit = 1e-10;
const storedLimitInFloors = 3;

const figures = ['algebra', 'stored', 'run', 'floor'] as const;

/** A conversion with a certificate. */
type Certified = Pick<ConversionResult, 'source' | 'target' | 'dtype' | 'certificate'>;

export const certificate = certificateFigure({
  id: 'certificate',
  title: 'How equal a converted model is to its source',
  of: ({ conversions }) => conversions ?? [],
});

export const modelCertificate = certificateFigure({
  id: 'model-certificate',
  title: 'How equal the converted models are to yours',
  of: ({ model }) =>
    (model?.conversions ?? []).flatMap((conversion) =>
      conversion.outcome === 'converted' && conversion.certificate !== null
        ? [{ ...conversion, source: model?.name ?? '', certificate: conversion.certificate }]
        : [],
    ),
});

interface CertificateFigure {
  readonly id: string;
  readonly title: string;
  /** What it draws. */
  readonly of: (results: StudyResults) => readonly Certified[];
}

function certificateFigure({ id, title, of }: CertificateFigure): Figure {
  return {
    id,
    title,
    caption() {
      return [
        'Largest absolute difference of any logit between the source and the converted model, logarithmic axis.',
        'Algebra: float64 arithmetic on weights before rounding. Stored: float64 arithmetic on the weights as written. Run: those weights in the float32 engine. Floor: what half a unit in the last place of every rewritten weight does by itself.',
        `Vertical strokes: the limits, ${powerOfTen(-10)} for algebra and ${storedLimitInFloors} floors for stored; run and floor have none.`,
      ].join(' ');
    },
    draw(results, width, idPrefix = '') {
      const conversions = of(results);
      if (conversions.length === 0) return null;
      const rows = conversions.flatMap((conversion, i) => rowsOf(conversion, String(i)));
      const above = rows.flatMap(({ value, limit }) => [value, limit ?? 0]).filter((value) => value > 0);
      const least = 10 ** (Math.floor(Math.log10(Math.min(...above, 1e-12))) - 1);
      const most = 10 ** Math.ceil(Math.log10(Math.max(...above, 1e-6)) + 0.3);
      const placed = rows.map((row) => ({ ...row, at: row.value > 0 ? row.value : least }));
      const panels = conversions.map((conversion, i) => ({ panel: String(i), label: panelLabel(conversion) }));
      const unlimited = placed.filter((row) => row.limit === null);
      const passing = placed.filter((row) => row.limit !== null && row.passed);
      const failing = placed.filter((row) => !row.passed);
      const marginLeft = textWidth('algebra') + 12;
      const valueWidth = textWidth('1.5 × 10⁻¹⁴') + 4;
      return drawSvg({
        id: `${idPrefix}${id}`,
        title,
        description: `${rows.map((row) => `${row.spoken} ${scientific(row.value)}`).join('; ')}.`,
        width,
        height: conversions.length * (figures.length * rowHeight + 56) + 54,
        legend: legendOf(failing.length > 0),
        plot: {
          marginLeft,
          marginRight: valueWidth + 2,
          marginTop: 50,
          x: {
            type: 'log',
            label: 'largest logit difference',
            domain: [least, most],
            grid: true,
            ticks: decades(least, most, width < 500 ? 4 : 8),
            tickFormat: (value: number) => powerOfTen(Math.round(Math.log10(value))),
          },
          y: { domain: [...figures], label: null, tickSize: 0 },
          fy: { domain: panels.map(({ panel }) => panel), axis: null, padding: 0.34 },
          marks: [
            Plot.frame({ stroke: color('faint') }),
            Plot.text(panels, {
              fy: 'panel',
              text: 'label',
              frameAnchor: 'top-left',
              lineAnchor: 'bottom',
              lineHeight: 1.25,
              lineWidth: width / fontSize,
              textOverflow: 'ellipsis',
              dx: -marginLeft,
              dy: -6,
              fontWeight: 600,
              fill: color('ink'),
            }),
            Plot.tickX(
              placed.filter((row) => row.limit !== null),
              {
                x: 'limit',
                y: 'figure',
                fy: 'panel',
                stroke: color('alarm'),
                strokeWidth: 2,
                insetTop: 3,
                insetBottom: 3,
              },
            ),
            Plot.dot(unlimited, {
              x: 'at',
              y: 'figure',
              fy: 'panel',
              r: 4.5,
              fill: color('paper'),
              stroke: color('ink'),
            }),
            Plot.dot(passing, { x: 'at', y: 'figure', fy: 'panel', r: 5, fill: color('norm-3') }),
            Plot.dot(failing, {
              x: 'at',
              y: 'figure',
              fy: 'panel',
              r: 5.5,
              symbol: 'times',
              stroke: color('alarm'),
              strokeWidth: 2.5,
            }),
            Plot.text(placed, {
              y: 'figure',
              fy: 'panel',
              text: 'label',
              frameAnchor: 'right',
              textAnchor: 'end',
              dx: valueWidth,
              fill: color('ink'),
            }),
          ],
        },
      });
    },
  };
}

function rowsOf(conversion: Certified, panel: string) {
  return figures.map((figure) => {
    const value = conversion.certificate[figure].maxAbsLogit;
    const limit =
      figure === 'algebra'
        ? algebraLimit
        : figure === 'stored'
          ? storedLimitInFloors * conversion.certificate.floor.maxAbsLogit || null
          : null;
    return {
      panel,
      figure,
      value,
      limit,
      passed: limit === null || value <= limit,
      label: value === 0 ? 'exactly 0' : scientific(value),
      spoken: `${conversion.source} to ${catalogueName(conversion.target)}, ${figure}`,
    };
  });
}

function panelLabel({ source, target, dtype, certificate }: Certified): string {
  return `${source}
→ ${catalogueName(target)}, ${dtype}${certificate.passed ? '' : ' (failed)'}`;
}

function legendOf(anyFailed: boolean): readonly LegendEntry[] {
  return [
    {
      label: 'within its limit',
      mark: { kind: 'symbol', symbol: 'circle', stroke: color('norm-3'), fill: color('norm-3') },
    },
    {
      label: 'without a limit',
      mark: { kind: 'symbol', symbol: 'circle', stroke: color('ink'), fill: color('paper') },
    },
    { label: 'limit', mark: { kind: 'limit', stroke: color('alarm') } },
    ...(anyFailed
      ? [
          {
            label: 'over its limit',
            mark: { kind: 'symbol', symbol: 'times', stroke: color('alarm'), fill: 'none' },
          } as const,
        ]
      : []),
  ];
}

/** At most `count` powers of ten, evenly spaced. */
function decades(least: number, most: number, count: number): readonly number[] {
  const from = Math.round(Math.log10(least));
  const to = Math.round(Math.log10(most));
  const stride = Math.max(1, Math.ceil((to - from) / count));
  return Array.from({ length: Math.floor((to - from) / stride) + 1 }, (_, i) => 10 ** (from + i * stride));
}
