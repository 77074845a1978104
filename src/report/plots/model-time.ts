import * as Plot from '@observablehq/plot';
import { timeOf, variantName, workloadName } from '../answer/model-time.ts';
import { percent } from '../format.ts';
import type { ModelTiming } from '../model-results.ts';
import { color, normStyle } from '../palette.ts';
import type { Figure } from './figure.ts';
import { relativeTimeFrame } from './relative-time.ts';
import { drawSvg } from './svg.ts';

const rowHeight = 34;

export const modelTime: Figure = {
  id: 'model-time',
  title: 'The time of your model with each norm',
  caption({ model }) {
    const timing = model?.timing;
    if (!model || !timing) return '';
    const unlike = timing.variants.filter(({ sameFunction, id }) => !sameFunction && id !== 'none');
    return [
      `Time relative to ${model.name} as it is (= 1), measured here, with 95% confidence intervals over ${timing.replicates} sets of new sessions. Less is faster; no norms on the stream bounds what any norm there could save (norms on queries and keys stay).`,
      `Filled: the kernels of ${timing.runtimeLabel}, which are of unequal quality. Hollow: every norm in the same elementwise operations and means of rows, relative to the model as it is in these.`,
      ...(timing.variants.some(({ id }) => id === 'rmsnorm-folded')
        ? ['Folded: the norms’ weights and biases are in the linears that read them (normlab convert --fold).']
        : []),
      ...unlike.map(({ name }) => `${name} is the same sizes with another norm, not the same function.`),
      timing.composed,
    ].join(' ');
  },
  draw({ model }, width, idPrefix = '') {
    const timing = model?.timing ?? null;
    if (timing === null) return null;
    const rows = rowsOf(timing);
    if (rows.length === 0) return null;
    const panels = [...new Set(rows.map(({ panel }) => panel))];
    const names = timing.variants.map(({ name }) => name).filter((name) => rows.some((row) => row.name === name));
    const kernels = rows.filter(({ norms }) => norms === 'kernels');
    const plain = rows.filter(({ norms }) => norms === 'plain');
    return drawSvg({
      id: `${idPrefix}model-time`,
      title: 'The time of your model with each norm',
      description: `${rows.map(({ panel, name, norms, spoken }) => `${panel}, ${name}, ${norms}: ${spoken}`).join('; ')}.`,
      width,
      height: panels.length * (names.length * rowHeight + 30) + 68,
      legend: [
        {
          label: 'runtime’s kernels',
          mark: { kind: 'symbol', symbol: 'circle', stroke: color('ink'), fill: color('ink') },
        },
        ...(plain.length === 0
          ? []
          : [
              {
                label: 'plain operations',
                mark: { kind: 'symbol', symbol: 'diamond', stroke: color('ink'), fill: color('paper') },
              } as const,
            ]),
      ],
      plot: {
        ...relativeTimeFrame(rows, { names, panels, width, reference: 'the model as it is' }),
        marks: [
          Plot.frame({ stroke: color('faint') }),
          Plot.ruleX([1], { stroke: color('muted') }),
          Plot.text(
            panels.map((panel) => ({ panel })),
            { fy: 'panel', text: 'panel', frameAnchor: 'top-left', dy: -16, fontWeight: 600, fill: color('ink') },
          ),
          ...kernels.flatMap((row) => [
            Plot.link([row], { ...whisker(row), strokeWidth: 2.5, dy: -5 }),
            Plot.dot([row], { ...place, r: 4.5, fill: row.stroke, dy: -5 }),
          ]),
          ...plain.flatMap((row) => [
            Plot.link([row], { ...whisker(row), strokeWidth: 1.2, dy: 7 }),
            Plot.dot([row], { ...place, r: 4, symbol: 'diamond', stroke: row.stroke, fill: color('paper'), dy: 7 }),
          ]),
        ],
      },
    });
  },
};

const place = { x: 'value', y: 'name', fy: 'panel' } as const;

function whisker({ stroke }: Row) {
  return { x1: 'low', x2: 'high', y: 'name', fy: 'panel', stroke } as const;
}

interface Row {
  readonly panel: string;
  readonly norms: 'kernels' | 'plain';
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly stroke: string;
  readonly spoken: string;
}

function rowsOf(timing: ModelTiming): readonly Row[] {
  return timing.workloads.flatMap((workload) => {
    const panel = workloadName(workload);
    return timing.variants.flatMap(({ id }) =>
      (['kernels', 'plain'] as const).flatMap((norms) => {
        const time = timeOf(workload, id, norms);
        if (time === undefined) return [];
        const { relative: value, ci } = time;
        const [low, high] = ci;
        const { stroke } = normStyle(styleOf(id));
        return [
          {
            panel,
            norms,
            name: variantName(timing, id),
            value,
            low,
            high,
            stroke,
            spoken: percent(value),
          } satisfies Row,
        ];
      }),
    );
  });
}

/** What is folded is left without parameters. */
function styleOf(variant: string): string {
  return variant === 'rmsnorm-folded' ? 'rmsnorm-nonparametric' : variant;
}
