import type { Activation } from '../spec.ts';

/** The supported activations by the names that Hugging Face configs use. */
export const activationNames: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_accurate: 'gelu_tanh',
  gelu_10: 'gelu_10',
  quick_gelu: 'gelu_quick',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  relu2: 'relu2',
  relu6: 'relu6',
  leaky_relu: 'leaky_relu',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  linear: 'linear',
};
