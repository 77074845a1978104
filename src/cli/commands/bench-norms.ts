import type { NormBenchmark, NormLowering, NormOperation, NormRotation } from '../../bench/index.ts';
import { type Cell, formatSignificant, formatTable } from '../../core/format.ts';
import { intervalNote } from './bench-notes.ts';

/** The result of `bench norms` as tables, one for each shape and direction, and how to read them. */
export function normsText(result: NormBenchmark): string {
  return [
    `${result.runtimeLabel}: this runtime's kernels, not the norms themselves`,
    ...result.rotations.flatMap((rotation) => ['', headingOf(rotation), tableOf(rotation, result)]),
    '',
    ...notesOf(result),
  ].join('\n');
}

function headingOf({ rows, width, direction, rounds, replicates, chainLength }: NormRotation): string {
  return `${rows}×${width} float32, ${direction}: ${rounds} interleaved rounds of ${chainLength} applications, sessions created ${replicates} times`;
}

function tableOf(rotation: NormRotation, { ops, lowerings, copyGigabytesPerSecond }: NormBenchmark): string {
  const { rows, width, direction } = rotation;
  const here = ops.filter((op) => op.rows === rows && op.width === width && op.direction === direction);
  return formatTable(
    ['norm', 'µs', '× LayerNorm', '95 % interval', 'GB/s', 'of copy', { header: 'kernels', align: 'left' }],
    [
      ...here.map((op) => row(op, lowerings)),
      ['none', '0', '0', null, null, null, 'nothing is computed'],
      [
        '(scaling)',
        formatSignificant(rotation.scaleMicroseconds),
        null,
        null,
        formatSignificant(rotation.scaleGigabytesPerSecond),
        percent(rotation.scaleGigabytesPerSecond / copyGigabytesPerSecond),
        'x · −1 in place, for comparison',
      ],
    ],
  );
}

function row(op: NormOperation, lowerings: readonly NormLowering[]): readonly Cell[] {
  const { ratio, ci } = op.ratioToLayerNorm;
  const lowering = lowerings.find(({ norm, direction }) => norm === op.norm && direction === op.direction);
  return [
    op.norm,
    formatSignificant(op.microseconds),
    ratio.toFixed(2),
    op.norm === 'layernorm' ? null : `${ci[0].toFixed(2)} … ${ci[1].toFixed(2)}`,
    formatSignificant(op.gigabytesPerSecond),
    percent(op.fractionOfCopy),
    lowering === undefined ? null : kernelsText(lowering),
  ];
}

/** `LayerNormalization`, or `composed of 9: SimplifiedLayerNormalization, Mul, …`. */
function kernelsText({ operators, fused }: NormLowering): string {
  if (fused) return operators.join();
  const distinct = [...new Set(operators)];
  const shown = distinct.slice(0, 2).join(', ');
  return `composed of ${operators.length}: ${shown}${distinct.length > 2 ? ', …' : ''}`;
}

function notesOf({ rotations, copyGigabytesPerSecond, lowerings }: NormBenchmark): readonly string[] {
  const empty = Math.max(...rotations.map(({ emptyRunMicroseconds }) => emptyRunMicroseconds));
  const fused = [...new Set(lowerings.filter((entry) => entry.fused).flatMap(({ operators }) => operators))];
  return [
    `µs: one application, the median. The cost of calling the engine (up to ${formatSignificant(empty)} µs) is taken off: a norm's`,
    '    time is what removing it saves, and no norm is 0. Threads sleep while another norm has its turn.',
    intervalNote,
    'GB/s: the bytes that one fused kernel moves (forward: x read, y written; backward: x and dy read, dx written;',
    '    parameters and row statistics left out) per measured second, whatever the kernels really move.',
    `of copy: of the ${formatSignificant(copyGigabytesPerSecond)} GB/s at which this engine, in this run, reads and writes a tensor larger than the caches.`,
    `kernels: fused natively are ${fused.length === 0 ? 'none of these' : fused.join(' and ')}; the others are composed of primitive operators and would`,
    '    gain from a kernel of their own. So the order of the norms here is a statement about this runtime.',
    'crmsnorm works on a tensor that is one narrower (d − 1), as a model with it would.',
  ];
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(0)} %`;
}
