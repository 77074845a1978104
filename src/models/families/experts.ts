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
  const count = config.count(own.countKey, own.count);
  const perToken = config.count('num_experts_per_tok', own.perToken);
  if (perToken <= count) return { count, perToken, normalized: own.normalized };
  throw config.wrong(`num_experts_per_tok is ${perToken}, expected at most ${own.countKey} (${count})`);
}
