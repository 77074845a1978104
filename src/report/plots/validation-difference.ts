import * as Plot from '@observablehq/plot';
import { signed } from '../format.ts';
import { color } from '../palette.ts';
import type { NormRuns, TrainingResults } from '../results.ts';
import type { Figure } from './figure.ts';
import { lineLegend, type Spread, spreadMarks, spreadOfCurves } from './spread.ts';
import { drawSvg } from './svg.ts';

/** The frame fits what comes after this fraction of the steps; early differences are large and pass. */
const fittedFrom = 0.2;

export const validationDifference: Figure = {
  id: 'validation-difference',
  title: 'Validation loss minus that of LayerNorm, by step',
  caption({ training }) {
    if (!training) return '';
    const margin = marginOf(training);
    const bands = training.seeds.length > 1;
    return [
      `Each run minus the LayerNorm run with the same seed${bands ? ': mean line, band from the lowest to the highest seed' : ''}. Nats per byte; below zero is better than LayerNorm.`,
      ...(margin === null ? [] : [`Shaded strip: ±${margin}, the margin set beforehand as too small to matter.`]),
      `Early differences may leave the frame.${bands ? ' A band of lowest to highest is not a confidence interval.' : ''}`,
    ].join(' ');
  },
  draw({ training }, width, idPrefix = '') {
    if (!training) return null;
    const baseline = training.norms.find((norm) => norm.id === training.baseline);
    if (!baseline) return null;
    const norms = training.norms
      .filter((norm) => norm !== baseline)
      .map((norm) => ({ norm, spread: pairedSpread(norm, baseline) }))
      .filter(({ spread }) => spread.length > 0);
    const points = norms.flatMap(({ spread }) => spread);
    if (points.length === 0) return null;
    const lastStep = Math.max(...points.map(({ step }) => step));
    const margin = marginOf(training);
    const fitted = points.filter(({ step }) => step >= fittedFrom * lastStep);
    const low = Math.min(...fitted.map((point) => point.low), -(margin ?? 0));
    const high = Math.max(...fitted.map((point) => point.high), margin ?? 0);
    const room = (high - low) * 0.08 || 1;
    return drawSvg({
      id: `${idPrefix}validation-difference`,
      title: 'Validation loss minus that of LayerNorm, by step',
      description: `At the last step, nats per byte: ${norms.map(({ norm, spread }) => `${norm.name} ${signed(spread.at(-1)?.mean ?? 0, 4)}`).join('; ')}.`,
      width,
      height: 260,
      legend: lineLegend(norms),
      plot: {
        marginLeft: 52,
        marginRight: 24,
        x: { label: 'training step', domain: [0, lastStep], ticks: width < 500 ? 4 : 8 },
        y: { label: 'difference (nats per byte)', domain: [low - room, high + room], grid: true, ticks: 6 },
        marks: [
          ...(margin === null ? [] : [Plot.rect([0], { y1: -margin, y2: margin, fill: color('band') })]),
          Plot.ruleY([0], { stroke: color('muted') }),
          ...norms.flatMap(({ norm, spread }) => spreadMarks(norm, spread, 0.15)),
        ],
      },
    });
  },
};

/** The equivalence margin of the first norm that was tested. */
function marginOf(training: TrainingResults): number | null {
  return training.norms.find((norm) => norm.paired?.equivalence)?.paired?.equivalence?.margin ?? null;
}

/** The spread of the paired differences, at the steps that every pair was validated at. */
function pairedSpread(norm: NormRuns, baseline: NormRuns): readonly Spread[] {
  const curves = norm.runs.flatMap((run) => {
    const partner = baseline.runs.find((candidate) => candidate.seed === run.seed && !candidate.diverged);
    if (run.diverged || !partner) return [];
    const reference = new Map(partner.validationCurve.map(({ step, loss }) => [step, loss]));
    const differences = run.validationCurve.flatMap(({ step, loss }) => {
      const other = reference.get(step);
      return other === undefined ? [] : [{ step, value: loss - other }];
    });
    return [differences];
  });
  return spreadOfCurves(curves);
}
