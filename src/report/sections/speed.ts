import type { Block } from '../document.ts';
import { fixed, percent, significant } from '../format.ts';
import { byRank, normName } from '../names.ts';
import { figures } from '../plots/index.ts';
import type { SpeedResults, StudyResults } from '../results.ts';

/** Speed: whole models, single operations, the machine's own limits. */
export function speedBlocks(results: StudyResults): readonly Block[] {
  const { speed } = results;
  if (!speed) return [];
  return [
    { kind: 'figure', figure: figures.timeShare },
    shareTable(results, speed),
    { kind: 'figure', figure: figures.normOperations },
    operationTable(results, speed),
  ];
}

function shareTable(results: StudyResults, speed: SpeedResults): Block {
  return {
    kind: 'table',
    folded: false,
    table: {
      caption:
        'Time of a whole model with each norm, composed from measured parts: milliseconds and the ratio to LayerNorm with its 95% confidence interval. The share of all norms is what removing them saves.',
      columns: [
        { heading: 'Size' },
        { heading: 'Layers', numeric: true },
        { heading: 'Norm' },
        { heading: 'ms', numeric: true },
        { heading: 'Ratio', numeric: true },
        { heading: '95% CI', numeric: true },
        { heading: 'Share of all norms', numeric: true },
      ],
      rows: speed.shares.flatMap((share) =>
        share.norms
          .toSorted((a, b) => byRank(a.norm, b.norm))
          .map((norm, i) => [
            i === 0 ? share.size : '',
            i === 0 ? fixed(share.layers, 0) : '',
            normName(results, norm.norm),
            significant(norm.milliseconds, 4),
            fixed(norm.relativeToLayerNorm, 3),
            norm.norm === 'layernorm' ? '–' : `${fixed(norm.ci[0], 3)} to ${fixed(norm.ci[1], 3)}`,
            i === 0
              ? `${percent(share.normShare.value)} (${percent(share.normShare.ci[0])} to ${percent(share.normShare.ci[1])})`
              : '',
          ]),
      ),
    },
  };
}

function operationTable(results: StudyResults, speed: SpeedResults): Block {
  return {
    kind: 'table',
    folded: true,
    table: {
      caption: `Every norm operation that was timed on ${speed.runtimeLabel}. This machine copies ${significant(speed.copyGigabytesPerSecond)} GB/s and multiplies matrices at ${significant(speed.matmulGflops)} GFLOP/s.`,
      columns: [
        { heading: 'Norm' },
        { heading: 'Direction' },
        { heading: 'Rows × width', numeric: true },
        { heading: 'µs', numeric: true },
        { heading: 'GB/s', numeric: true },
        { heading: 'Of copy', numeric: true },
        { heading: 'Ratio to LayerNorm', numeric: true },
        { heading: '95% CI', numeric: true },
      ],
      rows: speed.ops.map((op) => [
        normName(results, op.norm),
        op.direction,
        `${fixed(op.rows, 0)} × ${fixed(op.width, 0)}`,
        significant(op.microseconds),
        significant(op.gigabytesPerSecond),
        percent(op.fractionOfCopy, 0),
        fixed(op.ratioToLayerNorm.ratio, 2),
        op.norm === 'layernorm'
          ? '–'
          : `${fixed(op.ratioToLayerNorm.ci[0], 2)} to ${fixed(op.ratioToLayerNorm.ci[1], 2)}`,
      ]),
    },
  };
}
