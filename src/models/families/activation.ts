import type { Activation } from '../spec.ts';

/** The supported activations by the names that Hugging Face configs use. */
export const activationNames: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_accurate: 'gelu_tanh',
  silu: 'silu',
  swish: 'silu',
  relu: 'relu',
  relu2: 'relu2',
};
