import * as Plot from '@observablehq/plot';
import { plural, signed } from '../format.ts';
import { color, normStyle } from '../palette.ts';
import type { Figure } from './figure.ts';
import { drawSvg, fontSize, textWidth } from './svg.ts';

/** A row's height and, in pixels from its middle, the places of name, figures and whisker. */
const layouts = {
  /** Names and figures in columns of their own, left and right of the axis. */
  columns: { row: 32, name: 0, figures: 0, whisker: 0 },
  /** All above each other, where the width has no room for columns. */
  stacked: { row: 62, name: -20, figures: -4, whisker: 16 },
} as const;
const widthForColumns = 600;

export const pairedDifferences: Figure = {
  id: 'paired-differences',
  title: 'Final validation loss minus that of LayerNorm',
  caption({ training }) {
    const tested = training?.norms.flatMap((norm) => norm.paired ?? []) ?? [];
    const margin = tested.find((paired) => paired.equivalence)?.equivalence?.margin;
    const level = tested[0]?.level ?? 0.95;
    return [
      tested.some((paired) => paired.ci)
        ? `Mean difference over pairs of runs with the same seed and its ${Math.round(level * 100)}% confidence interval, in nats per byte; left of zero the loss is lower than LayerNorm's.`
        : "Difference of the two runs with the same seed, in nats per byte; left of zero the loss is lower than LayerNorm's. One pair has no confidence interval.",
      ...(margin === undefined ? [] : [`Shaded: ±${margin}, the margin set beforehand as too small to matter.`]),
      ...(tested.filter((paired) => paired.ci).length > 1
        ? ['Intervals are for one comparison at a time; with many norms, some exclude zero by chance.']
        : []),
    ].join(' ');
  },
  draw({ training }, width, idPrefix = '') {
    const rows = (training?.norms ?? []).flatMap((norm) => {
      if (!norm.paired) return [];
      const { difference, ci, equivalence, n } = norm.paired;
      const interval = ci ? `${signed(ci[0], 4)} to ${signed(ci[1], 4)}` : 'no interval';
      return [
        {
          id: norm.id,
          difference,
          low: ci?.[0] ?? difference,
          high: ci?.[1] ?? difference,
          margin: equivalence?.margin ?? 0,
          label: norm.name,
          figures: `${signed(difference, 4)} (${interval})`,
          spoken: `${norm.name} ${signed(difference, 4)}, ${interval}, ${plural(n, 'pair')}`,
        },
      ];
    });
    if (rows.length === 0) return null;
    const low = Math.min(...rows.map((row) => Math.min(row.low, -row.margin)));
    const high = Math.max(...rows.map((row) => Math.max(row.high, row.margin)));
    const room = (high - low) * 0.06 || 1;
    const margin = Math.max(...rows.map((row) => row.margin));
    const columns = width >= widthForColumns;
    const place = columns ? layouts.columns : layouts.stacked;
    const nameWidth = Math.min(Math.max(...rows.map(({ label }) => textWidth(label))) + 8, width * 0.3);
    const figuresWidth = Math.max(...rows.map(({ figures }) => textWidth(figures))) + 4;
    const [marginLeft, marginRight] = columns ? [nameWidth, figuresWidth] : [14, 14];
    const ticks = columns ? 6 : 4;
    return drawSvg({
      id: `${idPrefix}paired-differences`,
      title: 'Final validation loss minus that of LayerNorm',
      description: `${rows.map(({ spoken }) => spoken).join('; ')}.`,
      width,
      height: rows.length * place.row + 66,
      plot: {
        marginLeft,
        marginRight,
        marginTop: 14,
        x: {
          label: 'difference to LayerNorm (nats per byte)',
          domain: [low - room, high + room],
          ticks,
        },
        y: { domain: rows.map(({ id }) => id), axis: null, padding: 0 },
        marks: [
          ...(margin > 0 ? [Plot.rect([0], { x1: -margin, x2: margin, fill: color('band') })] : []),
          Plot.gridX({ ticks, stroke: color('faint'), strokeOpacity: 0.8 }),
          Plot.ruleX([0], { stroke: color('muted') }),
          ...rows.flatMap((row) => {
            const { stroke, symbol } = normStyle(row.id);
            const caps = {
              insetTop: place.row / 2 + place.whisker - 6,
              insetBottom: place.row / 2 - place.whisker - 6,
            };
            return [
              Plot.link([row], { x1: 'low', x2: 'high', y: 'id', stroke, strokeWidth: 2.5, dy: place.whisker }),
              Plot.tickX([row], { x: 'low', y: 'id', stroke, strokeWidth: 2.5, ...caps }),
              Plot.tickX([row], { x: 'high', y: 'id', stroke, strokeWidth: 2.5, ...caps }),
              Plot.dot([row], {
                x: 'difference',
                y: 'id',
                symbol,
                r: 5.5,
                ...(symbol === 'times' ? { stroke, strokeWidth: 3 } : { fill: stroke, stroke: color('paper') }),
                dy: place.whisker,
              }),
            ];
          }),
          Plot.text(rows, {
            y: 'id',
            text: 'label',
            frameAnchor: 'left',
            lineWidth: (columns ? nameWidth : width) / fontSize,
            textOverflow: 'ellipsis',
            dy: place.name,
            dx: columns ? -marginLeft : 2,
            fontWeight: 600,
            ...halo,
          }),
          Plot.text(rows, {
            y: 'id',
            text: 'figures',
            frameAnchor: columns ? 'right' : 'left',
            dy: place.figures,
            dx: columns ? marginRight : 2,
            ...halo,
          }),
        ],
      },
    });
  },
};

const halo = { fill: color('ink'), stroke: color('paper'), strokeOpacity: 0.7 };
