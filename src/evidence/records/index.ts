import type { EvidenceBase } from '../schema.ts';
import { deepseekModels } from './models/deepseek.ts';
import { earlyRmsNormModels } from './models/early-rmsnorm.ts';
import { gemmaModels } from './models/gemma.ts';
import { gptModels } from './models/gpt.ts';
import { layerNormModels } from './models/layernorm.ts';
import { llamaModels } from './models/llama.ts';
import { olmoModels } from './models/olmo.ts';
import { qwenModels } from './models/qwen.ts';
import { rmsNormModels } from './models/rmsnorm.ts';
import { flashnorm2024 } from './papers/flashnorm2024.ts';
import { implementations } from './papers/implementations.ts';
import { jiang2023 } from './papers/jiang2023.ts';
import { llamaCpp } from './papers/llama-cpp.ts';
import { guo2026, gupta2024 } from './papers/mechanism.ts';
import { modernbert2024 } from './papers/modernbert2024.ts';
import { narang2021 } from './papers/narang2021.ts';
import { olmo2024, olmo22025, olmoe2024, olmoIssues } from './papers/olmo.ts';
import { reve2025, transnormer2023 } from './papers/small-comparisons.ts';
import { neighbours, rybakov2024, wortsman2023 } from './papers/stability.ts';
import { dyt2025, ivanov2020 } from './papers/time-shares.ts';
import { zhang2019 } from './papers/zhang2019.ts';
import { modelSources } from './sources.ts';

export const records: EvidenceBase = {
  sources: modelSources,
  papers: [
    zhang2019,
    jiang2023,
    narang2021,
    olmo2024,
    olmoe2024,
    olmo22025,
    modernbert2024,
    transnormer2023,
    reve2025,
    dyt2025,
    flashnorm2024,
    guo2026,
    gupta2024,
    ivanov2020,
    ...implementations,
    ...olmoIssues,
    ...llamaCpp,
    rybakov2024,
    wortsman2023,
    ...neighbours,
  ],
  models: [
    ...gptModels,
    ...earlyRmsNormModels,
    ...llamaModels,
    ...olmoModels,
    ...qwenModels,
    ...deepseekModels,
    ...gemmaModels,
    ...layerNormModels,
    ...rmsNormModels,
  ],
};

/**
 * The eight models (or lines of models) whose reports the project set out from, with the records that stand for each.
 */
export const headlineModels: Readonly<Record<string, readonly string[]>> = {
  'GPT-3': ['gpt-3'],
  Llama: ['llama-1', 'llama-2', 'llama-3'],
  OLMo: ['olmo-1'],
  OLMoE: ['olmoe'],
  'OLMo 2': ['olmo-2'],
  Qwen: ['qwen-1', 'qwen-2', 'qwen-2.5', 'qwen-3'],
  'DeepSeek LLM': ['deepseek-llm'],
  Gemma: ['gemma-1', 'gemma-2', 'gemma-3'],
};
