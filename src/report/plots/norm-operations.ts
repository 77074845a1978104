import * as Plot from '@observablehq/plot';
import { fixed, significant } from '../format.ts';
import { normName } from '../names.ts';
import { color, normStyle } from '../palette.ts';
import type { Figure } from './figure.ts';
import { drawSvg, textWidth } from './svg.ts';

const rowHeight = 26;

export const normOperations: Figure = {
  id: 'norm-operations',
  title: 'Time of a norm alone, forward and backward',
  caption({ speed }) {
    if (!speed) return '';
    return [
      `Time of one call over the time that a plain copy of the same bytes takes (${significant(speed.copyGigabytesPerSecond)} GB/s here), so 1 is the best a kernel bound by memory can do; below 1 the data stayed in the caches.`,
      'Beside each bar: microseconds, and the ratio to LayerNorm in the same run.',
      `Kernels of ${speed.runtimeLabel}: they are of unequal quality, so this compares implementations, not formulas.`,
    ].join(' ');
  },
  draw(results, width, idPrefix = '') {
    const ops = results.speed?.ops ?? [];
    if (ops.length === 0) return null;
    const rows = ops.map((op) => ({
      panel: `${op.direction}, ${fixed(op.rows, 0)} rows of ${fixed(op.width, 0)}`,
      norm: op.norm,
      name: normName(results, op.norm),
      copies: 1 / op.fractionOfCopy,
      label:
        op.norm === 'layernorm'
          ? `${significant(op.microseconds)} µs`
          : `${significant(op.microseconds)} µs, ${fixed(op.ratioToLayerNorm.ratio, 2)}×`,
    }));
    const panels = [...new Set(rows.map(({ panel }) => panel))];
    const names = [...new Set(rows.map(({ name }) => name))];
    const longest = Math.max(...rows.map(({ copies }) => copies));
    const marginLeft = Math.max(...names.map(textWidth)) + 16;
    const labelWidth = Math.max(...rows.map(({ label }) => textWidth(label))) + 12;
    const plotWidth = width - marginLeft - 12;
    return drawSvg({
      id: `${idPrefix}norm-operations`,
      title: 'Time of a norm alone, forward and backward',
      description: `${rows.map(({ panel, name, label }) => `${name} ${panel}: ${label}`).join('; ')}.`,
      width,
      height: panels.length * (names.length * rowHeight + 34) + 62,
      plot: {
        marginLeft,
        marginRight: 12,
        marginTop: 26,
        x: {
          label: 'time ÷ time to copy the same bytes',
          domain: [0, Math.max(longest, 1) * (plotWidth / Math.max(60, plotWidth - labelWidth))],
          grid: true,
          ticks: width < 500 ? 4 : 8,
        },
        y: { domain: names, label: null, tickSize: 0, padding: 0.28 },
        fy: { domain: panels, axis: null, padding: 0.24 },
        marks: [
          Plot.text(
            panels.map((panel) => ({ panel })),
            { fy: 'panel', text: 'panel', frameAnchor: 'top-left', dy: -16, fontWeight: 600, fill: color('ink') },
          ),
          ...[...new Set(rows.map(({ norm }) => norm))].map((norm) =>
            Plot.barX(
              rows.filter((row) => row.norm === norm),
              { x: 'copies', y: 'name', fy: 'panel', fill: normStyle(norm).stroke },
            ),
          ),
          Plot.ruleX([0], { stroke: color('muted') }),
          Plot.ruleX([1], { stroke: color('ink'), strokeDasharray: '3,3' }),
          Plot.text(rows, {
            x: 'copies',
            y: 'name',
            fy: 'panel',
            text: 'label',
            textAnchor: 'start',
            dx: 6,
            fill: color('ink'),
            stroke: color('paper'),
            strokeWidth: 3,
          }),
        ],
      },
    });
  },
};
