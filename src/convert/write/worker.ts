import { parentPort, workerData } from 'node:worker_threads';
import { openCheckpoint } from '../../checkpoint/index.ts';
import { InputError } from '../../core/errors.ts';
import type { WorkerReply } from '../../core/workers.ts';
import { storedParameters } from '../rules/apply.ts';
import { type Piece, type PieceWorkerData, pieceComputer } from './pieces.ts';

// A thread of a conversion: reads the source by itself and gives the bytes of the pieces that it is told to compute.

type Reply = WorkerReply<readonly Uint8Array<ArrayBuffer>[]>;

const { folder, storage, tensors, maxElements }: PieceWorkerData = workerData;
const compute = openCheckpoint(folder).then((checkpoint) =>
  pieceComputer(tensors, storedParameters(checkpoint, storage, maxElements), maxElements),
);
let previous: Promise<void> = Promise.resolve();

parentPort?.on('message', (piece: Piece) => {
  previous = previous.then(async () => {
    const reply = await replyTo(piece);
    parentPort?.postMessage(reply, reply.kind === 'done' ? reply.result.map(({ buffer }) => buffer) : []);
  });
});

async function replyTo(piece: Piece): Promise<Reply> {
  try {
    return { kind: 'done', result: await (await compute)(piece) };
  } catch (error) {
    return error instanceof InputError ? { kind: 'refused', message: error.message } : { kind: 'failed', error };
  }
}
