/**
 * transformers.js's side of `bench/onnx.ts`: `worker.mjs <folder of folders>`. Each line of its standard input is
 * `{"model", "ids", "mask", "newTokens"}`; it answers with the class that loaded, the logits of one pass, and what
 * `generate` makes of the batch greedily, or with an error.
 */
import { createInterface } from 'node:readline';
import { AutoModelForCausalLM, env, LogLevel, Tensor } from '@huggingface/transformers';

env.allowRemoteModels = false;
env.allowLocalModels = true;
env.localModelPath = process.argv[2];
env.logLevel = LogLevel.ERROR;

const ints = (rows) => new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0].length]);

async function answer({ model: name, ids, mask, newTokens }) {
  const model = await AutoModelForCausalLM.from_pretrained(name, { dtype: 'fp32', device: 'cpu' });
  try {
    const inputs = { input_ids: ints(ids), attention_mask: ints(mask) };
    const { logits } = await model(inputs);
    // No id ends a sequence: as many are made as were asked for.
    const options = { max_new_tokens: newTokens, eos_token_id: null, do_sample: false };
    const generated = await model.generate({
      inputs: inputs.input_ids,
      attention_mask: inputs.attention_mask,
      ...options,
    });
    return {
      className: model.constructor.name,
      logits: [...logits.data],
      generated: generated.tolist().map((row) => row.slice(ids[0].length).map(Number)),
    };
  } finally {
    await model.dispose();
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const result = await answer(JSON.parse(line)).catch((error) => ({ error: String(error.message ?? error) }));
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
