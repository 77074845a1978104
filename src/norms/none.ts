import { fusedCost } from './cost.ts';
import { defineNorm } from './define.ts';

/** No normalization: the identity. The share of a norm in a model's time is what this one saves. */
export const none = defineNorm({
  id: 'none',
  name: 'No normalization',
  formula: 'y = x',
  parameters: [],
  epsilonPlacement: 'none',
  castPoint: 'after-weight',
  weightOffset: 0,
  defaultEpsilon: 0,
  forward: (x) => x.slice(),
  backward: (_x, dy) => ({ dx: dy.slice(), parameters: {} }),
  lowerForward: (_b, x) => x,
  lowerBackward: (_b, _x, dy) => ({ dx: dy, parameters: {} }),
  cost: fusedCost({ perElement: 0, perRow: 0, tensors: 0 }, { perElement: 0, perRow: 0, tensors: 0 }),
  invariances: { shift: false, scale: false, perRow: false },
  citations: [],
});
