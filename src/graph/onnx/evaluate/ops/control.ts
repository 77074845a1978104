import { sizeOf } from '../../../../core/shape.ts';
import { makeValue, type Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';

const branch: OpEvaluation = (op) => {
  const condition = op.input(0).data[0] ?? 0;
  return op.run(condition === 0 ? 'else_branch' : 'then_branch', []);
};

/** Inputs: trip count, condition, what is carried. Outputs: what is carried at the end, then what each turn gave, stacked. */
const loop: OpEvaluation = (op) => {
  const trips = op.inputs[0]?.data[0] ?? Number.POSITIVE_INFINITY;
  let going = op.inputs[1]?.data[0] ?? 1;
  let carried: readonly Value[] = op.inputs.slice(2).map((_, i) => op.input(i + 2));
  const given: Value[][] = Array.from({ length: Math.max(0, op.outputCount - carried.length) }, () => []);
  let held = 0;
  for (let turn = 0; turn < trips && going !== 0; turn++) {
    const [next, ...results] = op.run('body', [
      makeValue('int', [], [turn]),
      makeValue('bool', [], [going]),
      ...carried,
    ]);
    going = next?.data[0] ?? 0;
    carried = results.slice(0, carried.length);
    for (const [i, value] of results.slice(carried.length).entries()) {
      given[i]?.push(value);
      held += value.data.length;
    }
    // What is kept of each turn is in nobody else's account.
    op.sized([held]);
  }
  return [...carried, ...given.map((values) => stacked(op, values))];
};

function stacked(op: OpContext, values: readonly Value[]): Value {
  const first = values[0] ?? op.unsupported('without a turn is not supported where it collects values');
  const size = first.data.length;
  if (values.some(({ data }) => data.length !== size)) op.fail('collects values of different shapes');
  const shape = op.sized([values.length, ...first.shape]);
  const data = new Float64Array(sizeOf(shape));
  for (const [i, value] of values.entries()) data.set(value.data, i * size);
  return { dtype: first.dtype, shape, data };
}

export const controls: Readonly<Record<string, OpEvaluation>> = { If: branch, Loop: loop };
