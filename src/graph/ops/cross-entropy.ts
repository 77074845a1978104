import { sameShape } from '../../core/shape.ts';
import { applySingle, at, formatTypes, type Op, type Tensor, type TensorType } from '../tensor.ts';
import { maximumOf, softmaxRows } from './softmax.ts';

const crossEntropyOp: Op<null> = {
  name: 'crossEntropy',
  infer([logits, labels]) {
    checkInputs(logits, labels);
    return [{ dtype: 'float', shape: labels?.shape ?? [] }];
  },
  evaluate(inputs) {
    const logits = at(inputs, 0, 'crossEntropy');
    const labels = at(inputs, 1, 'crossEntropy');
    const width = at(logits.shape, logits.shape.length - 1, 'crossEntropy');
    const data = Float64Array.from(labels.data, (label, i) => {
      const row = logits.data.subarray(i * width, (i + 1) * width);
      const top = maximumOf(row);
      const total = row.reduce((sum, value) => sum + Math.exp(value - top), 0);
      return Math.log(total) - (at(row, label, 'crossEntropy (a label)') - top);
    });
    return [{ dtype: 'float', shape: labels.shape, data }];
  },
  gradient({ inputs, outputGradients }) {
    const [logits, labels] = inputs;
    const dy = outputGradients[0];
    if (logits === undefined || labels === undefined || !dy) return [null, null];
    return [applySingle(crossEntropyGradientOp, [logits, labels, dy], null), null];
  },
  emit(context, inputs, _attributes, types) {
    const [logits, labels] = inputs;
    const shape = at(types.inputs, 1, 'crossEntropy').shape;
    const [logProbabilities] = context.add('LogSoftmax', [logits ?? ''], { axis: -1 });
    const [column] = context.add('Unsqueeze', [labels ?? '', context.ints([shape.length])]);
    const [picked] = context.add('GatherElements', [logProbabilities, column], { axis: shape.length });
    const [squeezed] = context.add('Squeeze', [picked, context.ints([shape.length])]);
    return context.add('Neg', [squeezed]);
  },
};

/** (softmax(logits) − onehot(labels)) · dy */
const crossEntropyGradientOp: Op<null> = {
  name: 'crossEntropyGradient',
  infer([logits, labels, dy]) {
    checkInputs(logits, labels);
    if (dy?.dtype !== 'float' || !sameShape(labels?.shape ?? [], dy.shape)) {
      throw new RangeError(`graph/crossEntropyGradient: expected dy like the labels, got ${formatTypes([labels, dy])}`);
    }
    return [{ dtype: 'float', shape: logits?.shape ?? [] }];
  },
  evaluate(inputs) {
    const logits = at(inputs, 0, 'crossEntropyGradient');
    const labels = at(inputs, 1, 'crossEntropyGradient').data;
    const dy = at(inputs, 2, 'crossEntropyGradient').data;
    const width = at(logits.shape, logits.shape.length - 1, 'crossEntropyGradient');
    const result = softmaxRows(logits);
    for (let i = 0; i < labels.length; i++) {
      const row = result.data.subarray(i * width, (i + 1) * width);
      const label = at(labels, i, 'labels');
      row[label] = at(row, label, 'crossEntropyGradient (a label)') - 1;
      for (let j = 0; j < width; j++) row[j] = (row[j] as number) * (dy[i] as number);
    }
    return [result];
  },
  emit(context, inputs, _attributes, types) {
    const [logits, labels, dy] = inputs;
    const shape = at(types.inputs, 1, 'crossEntropyGradient').shape;
    const axis = shape.length;
    const [probabilities] = context.add('Softmax', [logits ?? ''], { axis: -1 });
    const [column] = context.add('Unsqueeze', [labels ?? '', context.ints([axis])]);
    const [ones] = context.add('Expand', [context.scalar(-1), context.shape([...shape, 1])]);
    // ScatterElements, never ScatterND: the latter loses updates with two threads.
    const [difference] = context.add('ScatterElements', [probabilities, column, ones], {
      axis,
      reduction: { text: 'add' },
    });
    const [perRow] = context.add('Unsqueeze', [dy ?? '', context.ints([axis])]);
    return context.add('Mul', [difference, perRow]);
  },
};

function checkInputs(logits: TensorType | undefined, labels: TensorType | undefined): void {
  const fits =
    logits?.dtype === 'float' &&
    logits.shape.length > 0 &&
    labels?.dtype === 'int' &&
    sameShape(logits.shape.slice(0, -1), labels.shape);
  if (!fits) {
    throw new RangeError(
      'graph/crossEntropy: expected float logits and int labels of the same shape without the last axis, ' +
        `got ${formatTypes([logits, labels])}`,
    );
  }
}

export const crossEntropyOps = { crossEntropy: crossEntropyOp, crossEntropyGradient: crossEntropyGradientOp };

/** −log softmax(logits)[label] at each position, in nats: logits `[..., vocabulary]`, labels `[...]`, result `[...]`. */
export const crossEntropy = (logits: Tensor, labels: Tensor): Tensor =>
  applySingle(crossEntropyOp, [logits, labels], null);
