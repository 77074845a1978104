import * as Plot from '@observablehq/plot';
import { fixed, plural } from '../format.ts';
import { color, normStyle } from '../palette.ts';
import type { NormRuns, TrainingResults } from '../results.ts';
import type { Figure } from './figure.ts';
import { lineLegend, type Spread, spreadMarks, spreadOfCurves } from './spread.ts';
import { drawSvg } from './svg.ts';

/** The curves are cut above the loss of this fraction of the steps, or the start would flatten the rest. */
const shownFrom = 0.05;

export const validationLoss: Figure = {
  id: 'validation-loss',
  title: 'Validation loss by step',
  caption({ training }) {
    if (!training) return '';
    const diverged = training.norms.flatMap((norm) => norm.runs).filter((run) => run.diverged).length;
    return [
      `${training.seeds.length === 1 ? 'Lines: one run each.' : `Lines: mean over ${plural(training.seeds.length, 'seed')}; bands: lowest to highest run.`} Natural-log loss in nats per byte on held-out text, lower is better.`,
      `The first ${fixed(shownFrom * 100, 0)}% of the steps lie above the frame.`,
      ...(diverged > 0 ? [`Thin lines: ${plural(diverged, 'run')} that diverged, in no mean.`] : []),
      'It shows one model size, one corpus and one learning rate.',
    ].join(' ');
  },
  draw({ training }, width, idPrefix = '') {
    if (!training) return null;
    const norms = training.norms.map((norm) => ({ norm, spread: spreadOf(norm) }));
    const points = norms.flatMap(({ spread }) => spread);
    if (points.length === 0) return null;
    const lastStep = Math.max(...points.map(({ step }) => step));
    const shown = points.filter(({ step }) => step >= shownFrom * lastStep);
    const top = Math.max(...shown.map(({ high }) => high));
    const bottom = Math.min(...shown.map(({ low }) => low));
    const room = (top - bottom || top) * 0.04;
    const references = [
      { label: 'bigram entropy of the corpus', value: training.corpus.bigramEntropy },
      { label: 'unigram entropy of the corpus', value: training.corpus.unigramEntropy },
    ].filter(({ value }) => value > bottom && value < top);
    return drawSvg({
      id: `${idPrefix}validation-loss`,
      title: 'Validation loss by step',
      description: describe(training),
      width,
      height: 300,
      legend: lineLegend(norms),
      plot: {
        marginLeft: 44,
        marginRight: 24,
        x: { label: 'training step', domain: [0, lastStep], ticks: width < 500 ? 4 : 8 },
        y: { label: 'validation loss (nats per byte)', domain: [bottom - room, top + room], grid: true, ticks: 6 },
        marks: [
          Plot.ruleY(references, { y: 'value', stroke: color('muted'), strokeDasharray: '1,3' }),
          Plot.text(references, {
            y: 'value',
            text: 'label',
            frameAnchor: 'right',
            textAnchor: 'end',
            dy: -7,
            fill: color('muted'),
          }),
          ...norms.flatMap(({ norm, spread }) => {
            const style = normStyle(norm.id);
            return [
              ...spreadMarks(norm, spread, 0.18),
              ...norm.runs
                .filter((run) => run.diverged)
                .map((run) =>
                  Plot.lineY(run.validationCurve, {
                    x: 'step',
                    y: 'loss',
                    stroke: style.stroke,
                    strokeWidth: 1,
                    clip: true,
                  }),
                ),
            ];
          }),
        ],
      },
    });
  },
};

/** The spread of the losses, at the steps that every finished run was validated at. */
function spreadOf(norm: NormRuns): readonly Spread[] {
  const finished = norm.runs.filter((run) => !run.diverged);
  return spreadOfCurves(finished.map((run) => run.validationCurve.map(({ step, loss }) => ({ step, value: loss }))));
}

function describe(training: TrainingResults): string {
  const ends = training.norms.map((norm) =>
    norm.meanFinalLoss === null ? `${norm.name} did not finish` : `${norm.name} ${fixed(norm.meanFinalLoss, 4)}`,
  );
  return `Mean validation loss at the last step, nats per byte: ${ends.join('; ')}.`;
}
