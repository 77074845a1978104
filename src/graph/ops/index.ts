import { activationOps } from './activations.ts';
import { attendOps } from './attend.ts';
import { crossEntropyOps } from './cross-entropy.ts';
import { elementwiseOps } from './elementwise.ts';
import { gatherOps } from './gather.ts';
import { layoutOps } from './layout.ts';
import { matmulOps } from './matmul.ts';
import { normOps } from './norm.ts';
import { positionsOps } from './positions.ts';
import { reduceOps } from './reduce.ts';
import { sequenceOps } from './sequence.ts';
import { softmaxOps } from './softmax.ts';

export * from './activations.ts';
export * from './attend.ts';
export * from './cross-entropy.ts';
export * from './elementwise.ts';
export * from './gather.ts';
export * from './layout.ts';
export * from './matmul.ts';
export * from './norm.ts';
export * from './positions.ts';
export * from './reduce.ts';
export * from './sequence.ts';
export * from './softmax.ts';

/** Every op of the graph by its name. Tests are made from this list. */
export const allOps = {
  ...elementwiseOps,
  ...reduceOps,
  ...layoutOps,
  ...matmulOps,
  ...softmaxOps,
  ...attendOps,
  ...crossEntropyOps,
  ...gatherOps,
  ...positionsOps,
  ...sequenceOps,
  ...activationOps,
  ...normOps,
};
