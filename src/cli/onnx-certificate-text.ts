import type { OnnxCertificate } from '../convert/index.ts';
import { formatTable } from '../core/format.ts';

/** What the certificate of an ONNX model measured, output by output. */
export function onnxCertificateText({ measured }: Pick<OnnxCertificate, 'measured'>): string {
  const table = formatTable(
    ['output', 'algebra', 'stored', 'run', 'limit of run', 'floor: rounding', 'floor: engine'],
    measured.outputs.map(({ name, algebra, stored, run, limits, floor, engineFloor }) => [
      name,
      scientific(algebra?.maxAbs),
      scientific(stored?.maxAbs),
      scientific(run?.maxAbs),
      run === null ? null : scientific(limits.run),
      scientific(floor.maxAbs),
      scientific(engineFloor?.maxAbs),
    ]),
  );
  const inputs = measured.inputs
    .map(({ name, shape, content }) => `${name} ${shape.join(' × ')} ${content}`)
    .join(', ');
  const means = (side: 'meanBefore' | 'meanAfter') => Math.max(0, ...measured.norms.map((norm) => norm[side]));
  return [
    table,
    '',
    `Largest |Δ| of each output, compared on ${inputs || 'no inputs'} (seed ${measured.seed}).`,
    ...(measured.withoutFloat64 === null ? [] : [`Without float64: ${measured.withoutFloat64}`]),
    ...(measured.withoutEngine === null ? [] : [`Without the engine: ${measured.withoutEngine}`]),
    ...(measured.norms.length === 0
      ? []
      : [
          `Largest |mean over the channels| of what a converted norm reads: ${scientific(means('meanBefore'))} before, ${scientific(means('meanAfter'))} after.`,
        ]),
    'Passed: the same function up to the rounding of the stored weights.',
  ].join('\n');
}

function scientific(value: number | undefined): string | null {
  return value === undefined ? null : value.toExponential(2);
}
