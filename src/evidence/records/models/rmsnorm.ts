import type { ModelRecord } from '../../schema.ts';
import { classDefault, fromCode, transformersCode } from '../values.ts';

type Row = readonly [
  module: string,
  id: string,
  name: string,
  organization: string,
  year: number,
  epsilon: number,
  extra?: Partial<ModelRecord>,
];

const perHead = 'RMSNorm per head on queries and keys';

const rows: readonly Row[] = [
  ['mistral', 'mistral-7b', 'Mistral 7B', 'Mistral AI', 2023, 1e-6, { aliases: ['mistral'], family: 'mistral' }],
  ['mixtral', 'mixtral', 'Mixtral', 'Mistral AI', 2023, 1e-5, { family: 'mistral' }],
  ['ministral3', 'ministral-3', 'Ministral 3', 'Mistral AI', 2025, 1e-5, { family: 'mistral' }],
  ['phi3', 'phi-3', 'Phi-3 and Phi-4', 'Microsoft', 2024, 1e-5, { aliases: ['phi 4', 'phi-4'], family: 'phi' }],
  ['glm', 'glm-4', 'GLM-4', 'Zhipu AI', 2024, 1.5625e-7, { family: 'glm' }],
  ['glm4', 'glm-4-0414', 'GLM-4-0414', 'Zhipu AI', 2025, 1.5625e-7, { family: 'glm', placement: 'peri' }],
  ['glm4_moe', 'glm-4.5', 'GLM-4.5', 'Zhipu AI', 2025, 1e-5, { family: 'glm', qkNorm: `optional: ${perHead}` }],
  ['granite', 'granite-3', 'Granite 3', 'IBM', 2024, 1e-6, { notes: ['Each branch is scaled before it is added.'] }],
  ['smollm3', 'smollm3', 'SmolLM3', 'Hugging Face', 2025, 1e-6],
  ['seed_oss', 'seed-oss', 'Seed-OSS', 'ByteDance', 2025, 1e-6],
  ['apertus', 'apertus', 'Apertus', 'Swiss AI', 2025, 1e-5, { qkNorm: perHead }],
  ['ernie4_5', 'ernie-4.5', 'ERNIE 4.5', 'Baidu', 2025, 1e-5, { family: 'ernie' }],
  ['hunyuan_v1_dense', 'hunyuan', 'Hunyuan', 'Tencent', 2025, 1e-5, { qkNorm: perHead }],
  ['exaone4', 'exaone-4', 'EXAONE 4', 'LG AI Research', 2025, 1e-5, { placement: 'output', qkNorm: perHead }],
  [
    'bitnet',
    'bitnet',
    'BitNet b1.58',
    'Microsoft',
    2025,
    1e-5,
    { notes: ['Further norms stand before the last linear layer of attention and MLP.'] },
  ],
  [
    'nanochat',
    'nanochat',
    'nanochat',
    'Andrej Karpathy',
    2025,
    1e-6,
    {
      norm: 'rmsnorm-nonparametric',
      finalNorm: 'rmsnorm-nonparametric',
      qkNorm: 'RMSNorm without weight on queries and keys',
      notes: ['No norm has a weight; one more stands before the first layer.'],
    },
  ],
  ['helium', 'helium', 'Helium', 'Kyutai', 2025, 1e-8],
];

const gptOss: ModelRecord = {
  ...fromCode('gpt_oss', {
    id: 'gpt-oss',
    name: 'gpt-oss',
    family: 'gpt',
    organization: 'OpenAI',
    year: 2025,
    sizes: ['20B', '120B'],
    norm: 'rmsnorm',
    placement: 'pre',
    epsilon: classDefault('rms_norm_eps', 1e-5),
    notes: ['The model card names RMSNorm, likens the placement to GPT-2’s, and gives no reason.'],
    sources: [
      { source: transformersCode, section: 'models/gpt_oss' },
      { source: 'gpt-oss-card', section: 'architecture' },
    ],
  }),
  reportRead: true,
};

/** Further models with RMSNorm, of which only the code was read (but for gpt-oss). */
export const rmsNormModels: readonly ModelRecord[] = [
  gptOss,
  ...rows.map(([module, id, name, organization, year, epsilon, extra]) =>
    fromCode(module, {
      id,
      name,
      family: id,
      organization,
      year,
      norm: 'rmsnorm',
      placement: 'pre',
      epsilon: classDefault('rms_norm_eps', epsilon),
      ...extra,
    }),
  ),
];
