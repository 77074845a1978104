/** llama.cpp's side of the benchmarks: `worker.mjs <file.gguf> <threads> <context> <auto|off>`. */
import { createInterface } from 'node:readline';
import { getLlama, LlamaLogLevel } from 'node-llama-cpp';

const [path, threads, context, flashAttention] = process.argv.slice(2);
const llama = await getLlama({
  gpu: false,
  build: 'never',
  skipDownload: true,
  progressLogs: false,
  maxThreads: Number(threads),
  logLevel: LlamaLogLevel.error,
});
const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
// Keys and values in float32, as everything else; one batch for the whole prompt.
const sequence = (
  await model.createContext({
    contextSize: Number(context),
    batchSize: Number(context),
    flashAttention: flashAttention === 'off' ? false : 'auto',
    threads: Number(threads),
    experimentalKvCacheKeyType: 'F32',
    experimentalKvCacheValueType: 'F32',
    ignoreMemorySafetyChecks: true,
  })
).getSequence();

/** Feeds ids; returns what is likeliest after the last one, or its logits. */
async function feed(ids, wanted) {
  const generateNext = { ...wanted, options: { temperature: 0 } };
  const last = ids.length - 1;
  const results = await sequence.controlledEvaluate(ids.map((id, i) => (i < last ? id : [id, { generateNext }])));
  return results[last].next;
}

async function answer({ logits, text, prompt, tokens }) {
  if (text !== undefined) return { ids: model.tokenize(text, true) };
  await sequence.clearHistory();
  if (logits) {
    const byId = (await feed(logits, { logits: true })).logits;
    return { logits: Array.from({ length: byId.size }, (_, id) => byId.get(id)) };
  }
  const started = performance.now();
  const likeliest = [(await feed(prompt, { token: true })).token];
  const prefilled = performance.now();
  for (const id of tokens) likeliest.push((await feed([id], { token: true })).token);
  const done = performance.now();
  return {
    prefillSeconds: (prefilled - started) / 1000,
    decodeSeconds: (done - prefilled) / 1000,
    likeliest,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
  };
}

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ description: `llama.cpp ${llama.llamaCppRelease.release} (node-llama-cpp)` });
for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
await llama.dispose();
