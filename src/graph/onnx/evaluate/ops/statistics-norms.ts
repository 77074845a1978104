import { sizeOf } from '../../../../core/shape.ts';
import type { Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { normalizeRows } from './norms.ts';

/** x·scale + bias, both by channel `[batch, channels, ...]`. */
function perChannel(x: Value, scale: (channel: number) => number, bias: (channel: number) => number): Value {
  const channels = x.shape[1] ?? 1;
  const inner = sizeOf(x.shape.slice(2));
  const data = x.data.map((value, i) => {
    const channel = Math.floor(i / inner) % channels;
    return value * scale(channel) + bias(channel);
  });
  return { ...x, data };
}

const entryOf = (value: Value) => (index: number) => value.data[index] ?? Number.NaN;

/** With the running statistics. */
const batchNormalization: OpEvaluation = (op) => {
  if (op.int('training_mode', 0) === 1) op.unsupported('in training mode is not supported');
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => entryOf(op.input(i)));
  if (!scale || !bias || !mean || !variance) return op.fail('has too few inputs');
  const epsilon = op.float('epsilon', 1e-5);
  const factor = (channel: number) => scale(channel) / Math.sqrt(variance(channel) + epsilon);
  return [perChannel(op.input(0), factor, (channel) => bias(channel) - mean(channel) * factor(channel))];
};

/** Each group of channels of each image has statistics of its own. */
function inGroups(op: OpContext, groups: number): Value {
  const x = op.input(0);
  const [batch = 0] = x.shape;
  const width = x.data.length / (batch * groups);
  if (x.data.length > 0 && !Number.isInteger(width)) op.fail(`${groups} groups don't divide the channels`);
  return normalizeRows(x, width, op.float('epsilon', 1e-5), true).normalized;
}

const instanceNormalization: OpEvaluation = (op) => {
  const channels = op.input(0).shape[1] ?? 1;
  return [perChannel(inGroups(op, channels), entryOf(op.input(1)), entryOf(op.input(2)))];
};

/** Before opset 21 scale and bias had one entry for each group. */
const groupNormalization: OpEvaluation = (op) => {
  const channels = op.input(0).shape[1] ?? 1;
  const groups = op.int('num_groups', 1);
  const entry = (value: Value) => (channel: number) =>
    entryOf(value)(op.version < 21 ? Math.floor(channel / (channels / groups)) : channel);
  return [perChannel(inGroups(op, groups), entry(op.input(1)), entry(op.input(2)))];
};

export const batchNorms: Readonly<Record<string, OpEvaluation>> = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
};
