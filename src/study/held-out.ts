import { crossEntropy, input, mean, reshape } from '../graph/index.ts';
import { buildDecoder, createModelSession, openModel } from '../models/index.ts';
import type { Corpus } from '../text/index.ts';
import { evaluationBatches, idTensor, type TrainConfig } from '../train/index.ts';

/** The mean cross-entropy of a byte-level model's folder on the held-out text that a run's final loss is of, nats per byte, in the float32 engine. */
export async function heldOutLoss(folder: string, config: TrainConfig, corpus: Corpus): Promise<number> {
  const shape = { batch: config.batch, context: config.model.context };
  const model = await openModel(folder);
  try {
    const { inputIds, logits } = buildDecoder(model.spec, {
      batch: shape.batch,
      sequence: shape.context,
      storage: model.storage,
    });
    const labels = input('labels', 'int', inputIds.shape);
    const loss = reshape(mean(crossEntropy(logits, labels)), [1]);
    const session = await createModelSession(model, { loss });
    try {
      const batches = evaluationBatches(config, corpus, config.validation.finalTokens);
      let total = 0;
      for (const { inputs, targets } of batches) {
        const ids = { input_ids: idTensor(inputs, shape), labels: idTensor(targets, shape) };
        total += Number((await session.run(ids)).loss?.data[0]);
      }
      return total / batches.length;
    } finally {
      await session.release();
    }
  } finally {
    await model.checkpoint.close();
  }
}
