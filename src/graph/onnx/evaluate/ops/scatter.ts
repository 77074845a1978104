import { formatShape } from '../../../../core/shape.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { blocksOf, forEachElement } from './gather.ts';

const reductions: Readonly<Record<string, (old: number, update: number) => number>> = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  min: Math.min,
  max: Math.max,
};

function reductionOf(op: OpContext) {
  const name = op.text('reduction', 'none');
  const found = Object.hasOwn(reductions, name) ? reductions[name] : undefined;
  return found ?? op.fail(`has the reduction ${name}`);
}

const scatterElements: OpEvaluation = (op) => {
  const [x, indices, updates] = [op.input(0), op.input(1), op.input(2)];
  const reduce = reductionOf(op);
  if (updates.data.length !== indices.data.length)
    op.fail(`has ${updates.data.length} updates for ${indices.data.length} indices`);
  const data = x.data.slice();
  forEachElement(op, x, indices, (i, place) => {
    data[place] = reduce(data[place] ?? Number.NaN, updates.data[i] ?? Number.NaN);
  });
  return [{ ...x, data }];
};

const scatterND: OpEvaluation = (op) => {
  const [x, indices, updates] = [op.input(0), op.input(1), op.input(2)];
  const reduce = reductionOf(op);
  const { offsets, size } = blocksOf(op, x, indices, 0);
  if (updates.data.length !== offsets.length * size) {
    op.fail(`the updates ${formatShape(updates.shape)} don't fill ${offsets.length} blocks of ${size}`);
  }
  const data = x.data.slice();
  for (const [i, offset] of offsets.entries()) {
    for (let j = 0; j < size; j++) {
      data[offset + j] = reduce(data[offset + j] ?? Number.NaN, updates.data[i * size + j] ?? Number.NaN);
    }
  }
  return [{ ...x, data }];
};

export const scatters: Readonly<Record<string, OpEvaluation>> = {
  ScatterElements: scatterElements,
  Scatter: scatterElements,
  ScatterND: scatterND,
};
