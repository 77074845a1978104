import * as Plot from '@observablehq/plot';
import { significant } from '../format.ts';
import { color, normStyle } from '../palette.ts';
import type { Figure } from './figure.ts';
import { drawSvg } from './svg.ts';

const panelHeight = 96;

export const gradientNorms: Figure = {
  id: 'gradient-norms',
  title: 'Gradient norms and their spikes',
  caption({ training }) {
    if (!training) return '';
    return [
      'L2 norm of the whole gradient before clipping, one line per seed, logarithmic axis, thinned for drawing with every spike kept.',
      'Circled: spikes, steps at least 7 standard deviations from the mean of the 1,000 steps before; no step is judged before there are 1,000.',
      'Gradient norms of two norms are not on one scale, because the norm itself rescales gradients: compare the spikes, not the heights.',
    ].join(' ');
  },
  draw({ training }, width, idPrefix = '') {
    if (!training) return null;
    const norms = training.norms.filter((norm) =>
      norm.runs.some((run) => run.gradNorms.some(({ value }) => value > 0)),
    );
    if (norms.length === 0) return null;
    const series = norms.flatMap((norm) =>
      norm.runs.flatMap((run) =>
        run.gradNorms
          .filter(({ value }) => value > 0)
          .map((point) => ({
            ...point,
            norm: norm.id,
            run: `${norm.id} ${run.seed}`,
            spike: run.spikeSteps.includes(point.step),
          })),
      ),
    );
    const spikes = series.filter((point) => point.spike);
    const labels = norms.map((norm) => {
      const found = norm.runs.reduce((sum, run) => sum + run.spikeSteps.length, 0);
      const judged = norm.runs.some((run) => run.gradNormSpikeScore !== null);
      const none = judged ? 'no spikes' : 'too short to judge';
      return {
        norm: norm.id,
        label: `${norm.name}: ${found === 0 ? none : found === 1 ? '1 spike' : `${found} spikes`}`,
      };
    });
    const values = series.map(({ value }) => value);
    return drawSvg({
      id: `${idPrefix}gradient-norms`,
      title: 'Gradient norms and their spikes',
      description: `Spikes over all seeds: ${labels.map(({ label }) => label).join('; ')}. Gradient norms range from ${significant(Math.min(...values), 2)} to ${significant(Math.max(...values), 2)}.`,
      width,
      height: norms.length * panelHeight + 66,
      plot: {
        marginLeft: 44,
        marginRight: 24,
        marginTop: 26,
        x: { label: 'training step', ticks: width < 500 ? 4 : 8 },
        y: {
          type: 'log',
          label: null,
          grid: true,
          ticks: ticksBetween(Math.min(...values), Math.max(...values)),
          tickFormat: (value: number) => significant(value, 1),
        },
        fy: { domain: norms.map((norm) => norm.id), axis: null, padding: 0.26 },
        marks: [
          Plot.frame({ stroke: color('faint') }),
          ...norms.map((norm) =>
            Plot.lineY(
              series.filter((point) => point.norm === norm.id),
              {
                x: 'step',
                y: 'value',
                fy: 'norm',
                z: 'run',
                stroke: normStyle(norm.id).stroke,
                strokeWidth: 1,
                strokeOpacity: 0.75,
              },
            ),
          ),
          Plot.dot(spikes, { x: 'step', y: 'value', fy: 'norm', r: 5, stroke: color('alarm'), strokeWidth: 1.8 }),
          Plot.text(labels, {
            fy: 'norm',
            text: 'label',
            frameAnchor: 'top-left',
            dy: -17,
            fontWeight: 600,
            fill: color('ink'),
          }),
        ],
      },
    });
  },
};

/** 1 and 3 of every power of ten in the range; the powers alone where that is many. */
function ticksBetween(least: number, most: number): readonly number[] {
  const from = Math.floor(Math.log10(least));
  const decades = Math.ceil(Math.log10(most)) - from + 1;
  const stride = Math.max(1, Math.ceil(decades / 5));
  const powers = Array.from({ length: decades }, (_, i) => from + i).filter((exponent) => exponent % stride === 0);
  const steps = decades > 4 ? [1] : [1, 3];
  return powers
    .flatMap((exponent) => steps.map((step) => step * 10 ** exponent))
    .filter((t) => t >= least && t <= most);
}
