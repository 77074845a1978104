import * as Plot from '@observablehq/plot';
import { normStyle } from '../palette.ts';
import type { NormRuns } from '../results.ts';
import type { LegendEntry } from './svg.ts';

/** The mean over runs at one step, and the lowest and highest of them. */
export interface Spread {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** The spread of several curves at the steps that all of them have. */
export function spreadOfCurves(
  curves: readonly (readonly { readonly step: number; readonly value: number }[])[],
): readonly Spread[] {
  const byStep = new Map<number, number[]>();
  for (const { step, value } of curves.flat()) byStep.set(step, [...(byStep.get(step) ?? []), value]);
  return [...byStep]
    .filter(([, values]) => values.length === curves.length)
    .sort(([a], [b]) => a - b)
    .map(([step, values]) => ({
      step,
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      low: Math.min(...values),
      high: Math.max(...values),
    }));
}

/** A band from the lowest to the highest, and the mean as a line, in a norm's own look. */
export function spreadMarks(norm: NormRuns, spread: readonly Spread[], bandOpacity: number) {
  const style = normStyle(norm.id);
  return [
    Plot.areaY(spread, { x: 'step', y1: 'low', y2: 'high', fill: style.stroke, fillOpacity: bandOpacity, clip: true }),
    Plot.lineY(spread, {
      x: 'step',
      y: 'mean',
      stroke: style.stroke,
      strokeWidth: 2,
      strokeDasharray: style.dash,
      clip: true,
    }),
  ];
}

/** The legend of plots that draw norms as lines. */
export function lineLegend(norms: readonly { readonly norm: NormRuns }[]): readonly LegendEntry[] {
  return norms.map(({ norm }) => ({ label: norm.name, mark: { kind: 'line', style: normStyle(norm.id) } }));
}
