import { formatShape, sizeOf } from '../../../../core/shape.ts';
import { permute } from '../../../ndarray.ts';
import type { Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { product } from './product.ts';
import { rowsOver } from './rows.ts';

/** A value whose axes have the names of an equation. */
interface Labelled {
  readonly value: Value;
  readonly labels: readonly string[];
}

/** Products of any number of operands, pair by pair from the left; no ellipsis, no diagonal. */
const einsum: OpEvaluation = (op) => {
  const equation = op.text('equation', '').replaceAll(' ', '');
  const [left = '', right] = equation.split('->');
  const terms = left.split(',').map((term) => [...term]);
  if (equation.includes('.')) op.unsupported('with an ellipsis is not supported');
  if (terms.some((labels) => new Set(labels).size < labels.length)) op.unsupported('of a diagonal is not supported');
  const all = terms.flat().sort();
  const output =
    right === undefined
      ? all.filter((label, i) => all.indexOf(label) === i && all.lastIndexOf(label) === i)
      : [...right];
  const operands = terms.map((labels, i): Labelled => {
    const value = op.input(i);
    if (value.shape.length !== labels.length)
      op.fail(`${labels.join('')} names no axes of ${formatShape(value.shape)}`);
    return { value, labels };
  });
  const [first = op.fail('has no operands'), ...rest] = operands;
  const result = rest.reduce((total, operand, i) => {
    const later = new Set([...output, ...terms.slice(i + 2).flat()]);
    return contract(
      op,
      summed(op, total, new Set([...later, ...operand.labels])),
      summed(op, operand, new Set([...later, ...total.labels])),
      later,
    );
  }, first);
  return [ordered(summed(op, result, new Set(output)), output)];
};

/** Sums over the axes that nobody needs any more. */
function summed(op: OpContext, { value, labels }: Labelled, needed: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, axis) => (needed.has(label) ? [] : [axis]));
  if (axes.length === 0) return { value, labels };
  const { data, width } = rowsOver(value, axes);
  const kept = labels.filter((label) => needed.has(label));
  const shape = op.sized(value.shape.filter((_, axis) => !axes.includes(axis)));
  const sums = Float64Array.from({ length: sizeOf(shape) }, (_, i) =>
    data.subarray(i * width, (i + 1) * width).reduce((sum, x) => sum + x, 0),
  );
  return { value: { ...value, shape, data: sums }, labels: kept };
}

/** One matrix product: shared labels that stay are its batch, shared ones that go are its inner dimension. */
function contract(op: OpContext, a: Labelled, b: Labelled, later: ReadonlySet<string>): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => later.has(label));
  const inner = shared.filter((label) => !later.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const [left, right] = [ordered(a, [...batch, ...rows, ...inner]), ordered(b, [...batch, ...columns, ...inner])];
  const lengthsOf = ({ value, labels }: Labelled, of: readonly string[]) =>
    of.map((label) => value.shape[labels.indexOf(label)] ?? 1);
  const [batchShape, innerShape] = [lengthsOf(a, batch), lengthsOf(a, inner)];
  if (`${lengthsOf(b, [...batch, ...inner])}` !== `${[...batchShape, ...innerShape]}`)
    op.fail('axes of one name differ');
  const [rowShape, columnShape] = [lengthsOf(a, rows), lengthsOf(b, columns)];
  const matrix = (x: Value, outer: readonly number[]): Value => ({
    ...x,
    shape: [...batchShape, sizeOf(outer), sizeOf(innerShape)],
  });
  const y = product(op, matrix(left, rowShape), matrix(right, columnShape), { transposeB: true });
  return {
    value: { ...y, shape: [...batchShape, ...rowShape, ...columnShape] },
    labels: [...batch, ...rows, ...columns],
  };
}

function ordered({ value, labels }: Labelled, order: readonly string[]): Value {
  return permute(
    value,
    order.map((label) => labels.indexOf(label)),
  );
}

export const einsums: Readonly<Record<string, OpEvaluation>> = { Einsum: einsum };
