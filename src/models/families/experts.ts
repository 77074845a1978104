import type { ExpertsSpec } from '../spec.ts';
import type { ConfigReader } from './config.ts';

/** What Llama's layout calls the experts. */
export const expertNames = {
  'blocks.#.mlp.router': 'model.layers.#.mlp.gate',
  'blocks.#.mlp.experts.#.gate': 'model.layers.#.mlp.experts.#.gate_proj',
  'blocks.#.mlp.experts.#.up': 'model.layers.#.mlp.experts.#.up_proj',
  'blocks.#.mlp.experts.#.down': 'model.layers.#.mlp.experts.#.down_proj',
  'blocks.#.mlp.shared.gate': 'model.layers.#.mlp.shared_expert.gate_proj',
  'blocks.#.mlp.shared.up': 'model.layers.#.mlp.shared_expert.up_proj',
  'blocks.#.mlp.shared.down': 'model.layers.#.mlp.shared_expert.down_proj',
  'blocks.#.mlp.shared_gate': 'model.layers.#.mlp.shared_expert_gate',
};

/** The experts of a config, from a family's defaults. Throws InputError where more are chosen than there are. */
export function readExperts(
  config: ConfigReader,
  own: { readonly countKey: string; readonly count: number; readonly perToken: number; readonly normalized: boolean },
): ExpertsSpec {
  const count = config.experts(own.countKey, own.count);
  const perToken = config.count('num_experts_per_tok', own.perToken);
  if (perToken <= count) return { count, perToken, normalized: own.normalized };
  throw config.wrong(`num_experts_per_tok is ${perToken}, expected at most ${own.countKey} (${count})`);
}

/** The layers of Qwen's mixtures that have one MLP instead of experts: `mlp_only_layers`, and all but every n-th. */
export function denseLayers(
  config: ConfigReader,
  numLayers: number,
  defaultInnerSize: number,
): Pick<ExpertsSpec, 'dense'> {
  const named = config.indices('mlp_only_layers');
  const step = config.count('decoder_sparse_step', 1);
  const layers = Array.from({ length: numLayers }, (_, layer) => named.includes(layer) || (layer + 1) % step !== 0);
  if (!layers.includes(true)) return {};
  return { dense: { layers, innerSize: config.count('intermediate_size', defaultInnerSize) } };
}
