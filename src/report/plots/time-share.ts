import * as Plot from '@observablehq/plot';
import { percent } from '../format.ts';
import { byRank, normName } from '../names.ts';
import { color, normStyle } from '../palette.ts';
import type { SpeedResults, StudyResults } from '../results.ts';
import type { Figure } from './figure.ts';
import { relativeTimeFrame } from './relative-time.ts';
import { drawSvg } from './svg.ts';

const rowHeight = 30;

export const timeShare: Figure = {
  id: 'time-share',
  title: "A model's time with each norm, by model size",
  caption({ speed }) {
    if (!speed) return '';
    const composed = [...new Set(speed.shares.map(composition))];
    return [
      `Filled: time of a whole model relative to the same model with LayerNorm (= 1), measured here on ${speed.runtimeLabel}, with 95% confidence intervals. Less is faster; no normalization bounds what any norm could save.`,
      ...composed,
      ...(speed.paper
        ? [
            `Hollow: ${speed.paper.source.label}, ${speed.paper.setting}, read off a chart (±${speed.paper.readOffUncertainty}). Another device and runtime: it stands beside the measurement and is not comparable number by number.`,
          ]
        : []),
    ].join(' ');
  },
  draw(results, width, idPrefix = '') {
    const { speed } = results;
    if (!speed || speed.shares.length === 0) return null;
    const rows = [...measuredRows(results, speed), ...paperRows(results, speed)];
    const sizes = speed.shares.map((share) => share.size);
    const names = [...new Set(rows.toSorted((a, b) => byRank(a.norm, b.norm)).map((row) => row.name))];
    const panels = sizes.map((size) => ({ size }));
    const measured = rows.filter((row) => row.kind === 'measured');
    const published = rows.filter((row) => row.kind === 'published');
    return drawSvg({
      id: `${idPrefix}time-share`,
      title: "A model's time with each norm, by model size",
      description: `Measured share of all norms: ${speed.shares.map((share) => `${share.size} ${percent(share.normShare.value)}`).join('; ')}.`,
      width,
      height: sizes.length * (names.length * rowHeight + 30) + 68,
      legend: [
        {
          label: 'measured here',
          mark: { kind: 'symbol', symbol: 'circle', stroke: color('ink'), fill: color('ink') },
        },
        ...(published.length > 0
          ? [
              {
                label: `published${width < 500 ? '' : ` (${speed.paper?.source.label ?? ''})`}`,
                mark: { kind: 'symbol', symbol: 'diamond', stroke: color('ink'), fill: color('paper') },
              } as const,
            ]
          : []),
      ],
      plot: {
        ...relativeTimeFrame(rows, { names, panels: sizes, width, reference: 'LayerNorm' }),
        marks: [
          Plot.frame({ stroke: color('faint') }),
          Plot.ruleX([1], { stroke: color('muted') }),
          Plot.text(panels, {
            fy: 'size',
            text: 'size',
            frameAnchor: 'top-left',
            dy: -16,
            fontWeight: 600,
            fill: color('ink'),
          }),
          ...measured.flatMap((row) => {
            const { stroke } = normStyle(row.norm);
            return [
              Plot.link([row], { x1: 'low', x2: 'high', y: 'name', fy: 'size', stroke, strokeWidth: 2.5, dy: -5 }),
              Plot.dot([row], { x: 'value', y: 'name', fy: 'size', r: 4.5, fill: stroke, dy: -5 }),
            ];
          }),
          ...published.flatMap((row) => {
            const { stroke } = normStyle(row.norm);
            return [
              Plot.link([row], { x1: 'low', x2: 'high', y: 'name', fy: 'size', stroke, strokeWidth: 1.2, dy: 7 }),
              Plot.dot([row], {
                x: 'value',
                y: 'name',
                fy: 'size',
                r: 4,
                symbol: 'diamond',
                stroke,
                fill: color('paper'),
                dy: 7,
              }),
            ];
          }),
        ],
      },
    });
  },
};

/** How a time was composed, with the count of blocks left to the table, so that sizes share one sentence. */
function composition({ composed, layers }: SpeedResults['shares'][number]): string {
  return composed.replace(`: ${layers} × one measured block`, ': layers × one measured block');
}

interface Row {
  readonly kind: 'measured' | 'published';
  readonly size: string;
  readonly norm: string;
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

function measuredRows(results: StudyResults, speed: SpeedResults): readonly Row[] {
  return speed.shares.flatMap((share) =>
    share.norms.map(({ norm, relativeToLayerNorm, ci }) => ({
      kind: 'measured' as const,
      size: share.size,
      norm,
      name: normName(results, norm),
      value: relativeToLayerNorm,
      low: ci[0],
      high: ci[1],
    })),
  );
}

function paperRows(results: StudyResults, speed: SpeedResults): readonly Row[] {
  const { paper } = speed;
  if (!paper) return [];
  return paper.figures
    .filter((figure) => speed.shares.some((share) => share.size === figure.size))
    .flatMap((figure) =>
      [
        { norm: 'layernorm', value: figure.preLn },
        { norm: 'rmsnorm', value: figure.preRms },
        { norm: 'crmsnorm', value: figure.preCrms },
        { norm: 'none', value: figure.withoutNorm },
      ].map(({ norm, value }) => {
        const uncertainty = norm === 'layernorm' ? 0 : paper.readOffUncertainty;
        return {
          kind: 'published' as const,
          size: figure.size,
          norm,
          name: normName(results, norm),
          value,
          low: value - uncertainty,
          high: value + uncertainty,
        };
      }),
    );
}
