import { parentPort, workerData } from 'node:worker_threads';
import { openCheckpoint } from '../../checkpoint/index.ts';
import { InputError } from '../../core/errors.ts';
import { ioBytes, sharedIoBuffer } from '../../core/ioBuffer.ts';
import type { WorkerReply } from '../../core/workers.ts';
import { storedParameters } from '../rules/apply.ts';
import { type PieceTask, type PieceWorkerData, pieceComputer } from './pieces.ts';

// A thread of a conversion: reads the source by itself and puts the bytes of the pieces that it is told to
// compute where all threads see them. What it
// imports must not load the engine, which takes longer to start than a gigabyte to convert.

const { folder, storage, tensors, maxElements, buffers }: PieceWorkerData = workerData;
const compute = openCheckpoint(folder).then((checkpoint) =>
  pieceComputer(tensors, storedParameters(checkpoint, storage, maxElements), maxElements),
);
let previous: Promise<void> = Promise.resolve();

parentPort?.on('message', (task: PieceTask) => {
  previous = previous.then(async () => parentPort?.postMessage(await replyTo(task)));
});

async function replyTo({ piece, buffer }: PieceTask): Promise<WorkerReply<null>> {
  try {
    await (await compute)(piece, ioBytes(buffers[buffer] ?? sharedIoBuffer(0)));
    return { kind: 'done', result: null };
  } catch (error) {
    return error instanceof InputError ? { kind: 'refused', message: error.message } : { kind: 'failed', error };
  }
}
