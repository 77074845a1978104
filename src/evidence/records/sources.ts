import type { Source } from '../schema.ts';
import { transformersCode } from './values.ts';

type Short = readonly [key: string, short: string, year: number, arxiv: string, title: string];

const reports: readonly Short[] = [
  ['gpt3-2020', 'Brown et al.', 2020, '2005.14165', 'Language Models are Few-Shot Learners'],
  [
    't5-2019',
    'Raffel et al.',
    2019,
    '1910.10683',
    'Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer',
  ],
  [
    'gopher2021',
    'Rae et al.',
    2021,
    '2112.11446',
    'Scaling Language Models: Methods, Analysis & Insights from Training Gopher',
  ],
  [
    'retro2021',
    'Borgeaud et al.',
    2021,
    '2112.04426',
    'Improving language models by retrieving from trillions of tokens',
  ],
  ['chinchilla2022', 'Hoffmann et al.', 2022, '2203.15556', 'Training Compute-Optimal Large Language Models'],
  ['palm2022', 'Chowdhery et al.', 2022, '2204.02311', 'PaLM: Scaling Language Modeling with Pathways'],
  ['llama2023', 'Touvron et al.', 2023, '2302.13971', 'LLaMA: Open and Efficient Foundation Language Models'],
  ['llama2-2023', 'Touvron et al.', 2023, '2307.09288', 'Llama 2: Open Foundation and Fine-Tuned Chat Models'],
  ['qwen2023', 'Bai et al.', 2023, '2309.16609', 'Qwen Technical Report'],
  ['qwen2-5-2024', 'Yang et al.', 2024, '2412.15115', 'Qwen2.5 Technical Report'],
  ['qwen3-2025', 'Yang et al.', 2025, '2505.09388', 'Qwen3 Technical Report'],
  [
    'deepseek-llm2024',
    'Bi et al.',
    2024,
    '2401.02954',
    'DeepSeek LLM: Scaling Open-Source Language Models with Longtermism',
  ],
  ['gemma2024', 'Gemma team', 2024, '2403.08295', 'Gemma: Open Models Based on Gemini Research and Technology'],
  ['gemma2-2024', 'Gemma team', 2024, '2408.00118', 'Gemma 2: Improving Open Language Models at a Practical Size'],
  ['gemma3-2025', 'Gemma team', 2025, '2503.19786', 'Gemma 3 Technical Report'],
];

/** Sources that only model records cite. A paper with claims brings its own. */
export const modelSources: readonly Source[] = [
  ...reports.map(
    ([key, short, year, arxiv, title]): Source => ({
      key,
      title,
      short,
      year,
      identifier: `arXiv:${arxiv}`,
      kind: 'report',
    }),
  ),
  {
    key: transformersCode,
    title: 'Hugging Face transformers 5.18.0: modeling and configuration files',
    short: 'transformers 5.18.0',
    year: 2026,
    identifier: 'huggingface/transformers@v5.18.0',
    kind: 'code',
  },
  {
    key: 'stablelm-card',
    title: 'StableLM model card',
    short: 'Stability AI',
    year: 2024,
    identifier: 'stabilityai/stablelm-2-1_6b',
    kind: 'model-card',
  },
  {
    key: 'gpt-oss-card',
    title: 'gpt-oss model card',
    short: 'OpenAI',
    year: 2025,
    identifier: 'arXiv:2508.10925',
    kind: 'model-card',
  },
  {
    key: 'llm-foundry',
    title: 'LLM Foundry: training code of MPT',
    short: 'MosaicML',
    year: 2023,
    identifier: 'mosaicml/llm-foundry',
    kind: 'code',
  },
  {
    key: 'olmo2-config',
    title: 'OLMo training configurations',
    short: 'OLMo developers',
    year: 2024,
    identifier: 'allenai/OLMo',
    kind: 'code',
  },
];
