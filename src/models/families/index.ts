import { InputError, RefusalError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { biogpt } from './biogpt.ts';
import { bloom } from './bloom.ts';
import { cohere, cohere2 } from './cohere.ts';
import { dbrx } from './dbrx.ts';
import { deepseekV3 } from './deepseek_v3.ts';
import { falcon } from './falcon.ts';
import type { Family } from './family.ts';
import { gemma } from './gemma.ts';
import { gemma2 } from './gemma2.ts';
import { gemma3, gemma3Multimodal } from './gemma3.ts';
import { glm4 } from './glm4.ts';
import { gptBigcode } from './gpt_bigcode.ts';
import { gptNeo } from './gpt_neo.ts';
import { gptNeox } from './gpt_neox.ts';
import { gpt2 } from './gpt2.ts';
import { codegen, gptj } from './gptj.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { mistral } from './mistral.ts';
import { mixtral } from './mixtral.ts';
import { mpt } from './mpt.ts';
import { nemotron } from './nemotron.ts';
import { normlab } from './normlab.ts';
import { olmo } from './olmo.ts';
import { olmo2 } from './olmo2.ts';
import { olmoe } from './olmoe.ts';
import { openaiGpt } from './openai_gpt.ts';
import { opt } from './opt.ts';
import { persimmon } from './persimmon.ts';
import { phi } from './phi.ts';
import { phi3 } from './phi3.ts';
import { qwen } from './qwen.ts';
import { qwen2 } from './qwen2.ts';
import { qwen2Moe } from './qwen2_moe.ts';
import { qwen3 } from './qwen3.ts';
import { qwen3Moe } from './qwen3_moe.ts';
import { stablelm } from './stablelm.ts';
import { starcoder2 } from './starcoder2.ts';
import { xglm } from './xglm.ts';

/** Every model family that normlab reads. */
export const families: readonly Family[] = [
  gpt2,
  llama,
  mistral,
  mixtral,
  qwen,
  qwen2,
  qwen2Moe,
  qwen3,
  qwen3Moe,
  gemma,
  gemma2,
  gemma3,
  gemma3Multimodal,
  olmo,
  olmo2,
  olmoe,
  phi3,
  glm4,
  granite,
  deepseekV3,
  gptNeo,
  gptBigcode,
  gptNeox,
  opt,
  bloom,
  falcon,
  gptj,
  codegen,
  phi,
  mpt,
  stablelm,
  starcoder2,
  cohere,
  cohere2,
  persimmon,
  nemotron,
  dbrx,
  xglm,
  biogpt,
  openaiGpt,
  normlab,
];

/**
 * The family of a parsed `config.json`, by its `model_type`; `where` begins the messages.
 *
 * Throws InputError where there is no `model_type`, RefusalError for one that normlab does not read.
 */
export function familyOf(config: Readonly<Record<string, unknown>>, where = 'config.json'): Family {
  const { model_type: modelType } = config;
  const supported = families.flatMap(({ modelTypes }) => modelTypes);
  const known = `supported: ${supported.join(', ')}`;
  if (typeof modelType !== 'string') {
    const got = modelType === undefined ? 'is missing' : `is ${quote(JSON.stringify(modelType))}, expected a name`;
    throw new InputError(`${where}: model_type ${got}; ${known}`);
  }
  const family = families.find(({ modelTypes }) => modelTypes.includes(modelType));
  if (family !== undefined) return family;
  throw new RefusalError(
    `${where}: model_type is ${quote(modelType)}, an architecture that normlab does not read; ${known}`,
  );
}
