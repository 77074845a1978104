import { cpuEngine, type EngineTensor } from '../engine/index.ts';
import { crossEntropy, emitOnnx, encodeModel, input, mean, reshape } from '../graph/index.ts';
import { buildDecoder, openModel } from '../models/index.ts';
import { type Corpus, validationBatches } from '../text/index.ts';

/** The mean cross-entropy of a byte-level model's folder on held-out text, nats per byte, in the float32 engine. */
export async function heldOutLoss(
  folder: string,
  corpus: Corpus,
  { batch, context, tokens }: { readonly batch: number; readonly context: number; readonly tokens: number },
): Promise<number> {
  const model = await openModel(folder);
  try {
    const { inputIds, logits } = buildDecoder(model.spec, { batch, sequence: context, storage: model.storage });
    const labels = input('labels', 'int', inputIds.shape);
    const loss = reshape(mean(crossEntropy(logits, labels)), [1]);
    const feeds: Record<string, EngineTensor> = {};
    for (const { name, shape } of model.tensors) {
      feeds[name] = { dtype: 'float32', shape, data: await model.checkpoint.readFloat32(name) };
    }
    const session = await cpuEngine().createSession(encodeModel(emitOnnx({ loss })));
    try {
      const limit = Math.max(1, Math.round(tokens / (batch * context)));
      const batches = validationBatches(corpus.validation, { batch, context, limit });
      const ids = (data: Int32Array): EngineTensor => ({
        dtype: 'int64',
        shape: [batch, context],
        data: BigInt64Array.from(data, (id) => BigInt(id)),
      });
      let total = 0;
      for (const { inputs, targets } of batches) {
        const result = (await session.run({ ...feeds, input_ids: ids(inputs), labels: ids(targets) })).loss;
        total += Number(result?.data[0]);
      }
      return total / batches.length;
    } finally {
      await session.release();
    }
  } finally {
    await model.checkpoint.close();
  }
}
