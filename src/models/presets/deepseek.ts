import { type LlamaSize, llama } from './llama.ts';
import { billions, type Preset } from './preset.ts';

const sevenDeep = { layers: 30, width: 4096, heads: 32, inner: 11_008, parameters: 6_910_365_696 };
const sixtySevenDeep = { layers: 95, width: 8192, heads: 64, keyValueHeads: 8, inner: 22_016 };

const deepseek = 'DeepSeek-AI 2024 (DeepSeek LLM), Table 2; deepseek-ai';
const deepseeks: readonly LlamaSize[] = [
  { id: 'deepseek-llm-7b', name: 'DeepSeek LLM 7B', ...sevenDeep, source: `${deepseek}/deepseek-llm-7b-base` },
  {
    id: 'deepseek-llm-67b',
    name: 'DeepSeek LLM 67B',
    ...sixtySevenDeep,
    parameters: billions('67'),
    source: `${deepseek}/deepseek-llm-67b-base`,
  },
];

/** DeepSeek LLM, which is a Llama. */
export const deepseekPresets: readonly Preset[] = deepseeks.map((size) =>
  llama(size, {
    vocab_size: 102_400,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    torch_dtype: 'bfloat16',
    tie_word_embeddings: false,
  }),
);
