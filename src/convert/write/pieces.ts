import type { Range } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
import { ioBuffer, ioBytes, sharedIoBuffer } from '../../core/ioBuffer.ts';
import { startWorkers, type WorkerPool } from '../../core/workers.ts';
import type { Storage } from '../../models/index.ts';
import { createKernel } from '../kernel/kernel.ts';
import type { Parameters } from '../rules/steps.ts';
import type { OutputTensor } from './layout.ts';
import { type OutputPart, outputPart } from './part.ts';

/** Some blocks of a tensor of the output, which one thread computes at a time. */
export interface Piece {
  /** Its place in the list of tensors. */
  readonly tensor: number;
  readonly blocks: readonly Range[];
  readonly byteLength: number;
  readonly isSequential: boolean;
  /** Whether it is the last one of its tensor. */
  readonly isLast: boolean;
}

/** Computes pieces, given in the order in which they will be written. */
export interface PieceSource {
  /** The next piece's bytes; none after the last. They are gone once the piece after it is asked for. */
  next(): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What is sent to a thread: a piece, and in which of the shared buffers its bytes are wanted. */
export interface PieceTask {
  readonly piece: Piece;
  readonly buffer: number;
}

/** What a thread needs to know to compute any piece. */
export interface PieceWorkerData {
  readonly folder: string;
  /** Where the source stores each parameter. */
  readonly storage: Storage;
  readonly tensors: readonly OutputTensor[];
  readonly maxElements: number | undefined;
  /** Where the bytes of pieces are put: memory that is sent to and fro costs both sides' garbage collectors more than computing. */
  readonly buffers: readonly SharedArrayBuffer[];
}

/** What is given to a thread at once: the fewer, the better the threads share the work; the more, the less they talk. */
const pieceBytes = 2 ** 22;

/** What may have been computed, or be on the way, and not been written: room for threads to go on beside a slow one. */
const bytesAhead = 192 * 2 ** 20;

/** The pieces of tensors, in the order of their rows. */
export function piecesOf(
  tensors: readonly OutputTensor[],
  parameters: Parameters,
  maxElements: number | undefined,
): readonly (readonly Piece[])[] {
  const kernel = createKernel();
  return tensors.map((tensor, number) => {
    const { blocks, columns, isSequential } = outputPart(tensor, parameters, { kernel, maxElements });
    const bytesOf = ({ start, end }: Range) => (end - start) * columns * byteSizes[tensor.dtype];
    const groups: Range[][] = [];
    let room = 0;
    for (const block of blocks) {
      if (room < bytesOf(block)) {
        groups.push([]);
        room = pieceBytes;
      }
      groups.at(-1)?.push(block);
      room -= bytesOf(block);
    }
    return groups.map((group, i) => ({
      tensor: number,
      blocks: group,
      byteLength: group.reduce((sum, block) => sum + bytesOf(block), 0),
      isSequential,
      isLast: i === groups.length - 1,
    }));
  });
}

/** Puts the bytes of a piece into memory that has room for them; keeps what it must from one piece of a tensor to its next. */
export function pieceComputer(
  tensors: readonly OutputTensor[],
  parameters: Parameters,
  maxElements: number | undefined,
): (piece: Piece, into: Uint8Array) => Promise<void> {
  const kernel = createKernel();
  const begun = new Map<number, OutputPart>();
  return async ({ tensor: number, blocks, isSequential, isLast }, into) => {
    const tensor = tensors[number];
    if (tensor === undefined) throw new RangeError(`convert: there is no tensor ${number}`);
    const part = begun.get(number) ?? outputPart(tensor, parameters, { kernel, maxElements });
    if (isSequential && !isLast) begun.set(number, part);
    else begun.delete(number);
    let offset = 0;
    for (const block of blocks) {
      const end = offset + (block.end - block.start) * part.columns * byteSizes[tensor.dtype];
      await part.compute(block, into.subarray(offset, end));
      offset = end;
    }
  };
}

/** Computes pieces in this thread, each when it is asked for. */
export function piecesHere(
  pieces: readonly Piece[],
  compute: (piece: Piece, into: Uint8Array) => Promise<void>,
): PieceSource {
  const waiting = pieces.values();
  const buffer = ioBuffer(largest(pieces));
  return {
    async next() {
      const { value: piece } = waiting.next();
      const bytes = buffer.subarray(0, piece?.byteLength ?? 0);
      if (piece !== undefined) await compute(piece, bytes);
      return bytes;
    },
    close: async () => {},
  };
}

/** Computes pieces in threads, ahead of what is asked for. */
export function piecesInThreads(
  pieces: readonly Piece[],
  data: Omit<PieceWorkerData, 'buffers'>,
  threads: number,
): PieceSource {
  const bufferBytes = largest(pieces);
  const count = Math.max(2 * threads, Math.floor(bytesAhead / Math.max(1, bufferBytes)));
  const buffers = Array.from({ length: Math.min(count, pieces.length) }, () => sharedIoBuffer(bufferBytes));
  const url = new URL('./worker.js', import.meta.url);
  const workerData: PieceWorkerData = { ...data, buffers };
  const pool: WorkerPool<PieceTask, null> = startWorkers(url, workerData, threads);
  const queued = new Array<number>(threads).fill(0);
  const ownerOf = new Map<number, number>();
  const free = [...buffers.keys()];
  const begun: { readonly byteLength: number; readonly buffer: number; readonly done: Promise<unknown> }[] = [];
  const waiting = pieces.values();
  let given: number | undefined;

  function start(piece: Piece, buffer: number): void {
    const owner = ownerOf.get(piece.tensor) ?? queued.indexOf(Math.min(...queued));
    if (piece.isSequential) ownerOf.set(piece.tensor, owner);
    queued[owner] = (queued[owner] ?? 0) + piece.byteLength;
    const done = pool.run(owner, { piece, buffer }).finally(() => {
      queued[owner] = (queued[owner] ?? 0) - piece.byteLength;
    });
    // Whoever asks for it meets the error; nobody may, when another one has come before.
    done.catch(() => {});
    begun.push({ byteLength: piece.byteLength, buffer, done });
  }

  function startMore(): void {
    for (;;) {
      const buffer = free.shift();
      if (buffer === undefined) return;
      const { value: piece } = waiting.next();
      if (piece === undefined) return;
      start(piece, buffer);
    }
  }

  return {
    async next() {
      if (given !== undefined) free.push(given);
      startMore();
      const first = begun.shift();
      given = first?.buffer;
      if (first === undefined) return new Uint8Array(0);
      await first.done;
      return ioBytes(buffers[first.buffer] ?? sharedIoBuffer(0)).subarray(0, first.byteLength);
    },
    close: () => pool.close(),
  };
}

function largest(pieces: readonly Piece[]): number {
  return pieces.reduce((most, { byteLength }) => Math.max(most, byteLength), 0);
}
