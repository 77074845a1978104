import { copyFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Tokenizer, generation and licence files: what belongs to a model and doesn't depend on its weights. */
const companions = [
  /^tokenizer[\w.-]*\.json$/,
  /^(tokenizer|spiece|sentencepiece[\w.-]*)\.model$/,
  /^vocab\.(json|txt)$/,
  /^merges\.txt$/,
  /^(special_tokens_map|added_tokens|generation_config)\.json$/,
  /^chat_template\.(json|jinja)$/,
  /^(LICEN[CS]E|NOTICE|USE_POLICY)[\w.-]*$/i,
];

/** Copies the files beside a model's weights that fit the converted model too; returns their names. */
export async function copyCompanions(from: string, to: string): Promise<readonly string[]> {
  const copied: string[] = [];
  for (const name of (await readdir(from)).sort()) {
    if (!companions.some((pattern) => pattern.test(name))) continue;
    // Follows links: a hub cache is made of them.
    if (!(await stat(join(from, name))).isFile()) continue;
    await copyFile(join(from, name), join(to, name));
    copied.push(name);
  }
  return copied;
}
