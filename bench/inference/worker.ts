/** normlab's side of the inference benchmark: `worker.ts <folder> <threads> <context>`; see `startPeer`. */
import { createInterface } from 'node:readline';
import { cpuEngine } from '../../src/engine/index.ts';
import { openDecodingSession } from '../../src/generate/index.ts';
import { openModel } from '../../src/models/index.ts';

interface Question {
  readonly logits?: readonly number[];
  readonly prompt?: readonly number[];
  readonly tokens?: readonly number[];
}

function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] ?? 0) > (values[best] ?? 0)) best = i;
  return best;
}

const [folder = '', threads = '', context = ''] = process.argv.slice(2);
const engine = cpuEngine();
const model = await openModel(folder);
const session = await openDecodingSession(model, { context: Number(context), threads: Number(threads), engine });
await model.checkpoint.close();

async function round(prompt: readonly number[], tokens: readonly number[]) {
  session.reset();
  const started = performance.now();
  const likeliest = [argmax(await session.feed(prompt))];
  const prefilled = performance.now();
  for (const id of tokens) likeliest.push(argmax(await session.feed([id])));
  const done = performance.now();
  return {
    prefillSeconds: (prefilled - started) / 1000,
    decodeSeconds: (done - prefilled) / 1000,
    likeliest,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
  };
}

async function answer({ logits, prompt = [], tokens = [] }: Question): Promise<unknown> {
  if (logits === undefined) return round(prompt, tokens);
  session.reset();
  return { logits: Array.from(await session.feed(logits)) };
}

const say = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);
say({ description: `normlab on ONNX Runtime ${engine.versions.onnxruntime ?? ''}` });
for await (const line of createInterface({ input: process.stdin })) say(await answer(JSON.parse(line)));
await session.release();
