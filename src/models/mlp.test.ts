import { expect, test } from 'vitest';
import { constant, evaluate } from '../graph/index.ts';
import { activate } from './mlp.ts';
import { type Activation, activations } from './spec.ts';

const x = [-12, -1.5, -0.25, 0, 0.75, 3, 11];

/** What PyTorch 1.13 and transformers 4.47 compute in float64 for `x`. */
const recorded: Readonly<Record<Activation, readonly number[]>> = {
  gelu: [0, -0.10021080190328704, -0.10032341857926907, 0, 0.5800294857173489, 2.99595030590511, 11],
  gelu_tanh: [0, -0.10042842301976707, -0.100324649298315, 0, 0.5799605551656203, 2.996362607918227, 11],
  gelu_bloom: [0, -0.10042842326817045, -0.10032464932249424, 0, 0.5799605550032865, 2.9963626078936834, 11],
  gelu_10: [0, -0.10021080190328704, -0.10032341857926907, 0, 0.5800294857173489, 2.99595030590511, 10],
  gelu_quick: [
    -1.6186417835847626e-8, -0.10833780155292341, -0.09880035009980583, 0, 0.5863900575346379, 2.981928690292214,
    10.99999991861743,
  ],
  silu: [
    -7.373009522657661e-5, -0.2736382857095345, -0.10945587477855048, 0, 0.5093840243815447, 2.8577223804672998,
    10.999816284359673,
  ],
  relu: [0, 0, 0, 0, 0.75, 3, 11],
  relu2: [0, 0, 0, 0, 0.5625, 9, 121],
  relu6: [0, 0, 0, 0, 0.75, 3, 6],
  leaky_relu: [-0.12, -0.015, -0.0025, 0, 0.75, 3, 11],
  tanh: [
    -0.9999999999244973, -0.9051482536448664, -0.24491866240370913, 0, 0.6351489523872873, 0.9950547536867305,
    0.9999999994421064,
  ],
  sigmoid: [
    6.144174602214718e-6, 0.18242552380635635, 0.43782349911420193, 0.5, 0.679178699175393, 0.9525741268224334,
    0.999983298578152,
  ],
  linear: x,
};

test.each(activations)('%s is that of transformers', (activation) => {
  const [values] = evaluate([activate(activation, constant(Float64Array.from(x), [x.length]))], {});
  for (const [i, value] of recorded[activation].entries()) expect(values?.data[i]).toBeCloseTo(value, 13);
});
