import type { Range } from '../../checkpoint/index.ts';
import { byteSizes } from '../../core/dtype.ts';
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
  /** The next piece's bytes, block by block. */
  next(): Promise<readonly Uint8Array[]>;
  close(): Promise<void>;
}

/** What a thread needs to know to compute any piece. */
export interface PieceWorkerData {
  readonly folder: string;
  /** Where the source stores each parameter. */
  readonly storage: Storage;
  readonly tensors: readonly OutputTensor[];
  readonly maxElements: number | undefined;
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

/** Gives the bytes of a piece; keeps what it must from one piece of a tensor to its next. */
export function pieceComputer(
  tensors: readonly OutputTensor[],
  parameters: Parameters,
  maxElements: number | undefined,
): (piece: Piece) => Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const kernel = createKernel();
  const begun = new Map<number, OutputPart>();
  return async ({ tensor: number, blocks, isSequential, isLast }) => {
    const tensor = tensors[number];
    if (tensor === undefined) throw new RangeError(`convert: there is no tensor ${number}`);
    const part = begun.get(number) ?? outputPart(tensor, parameters, { kernel, maxElements });
    if (isSequential && !isLast) begun.set(number, part);
    else begun.delete(number);
    const bytes: Uint8Array<ArrayBuffer>[] = [];
    for (const block of blocks) bytes.push(await part.bytes(block));
    return bytes;
  };
}

/** Computes pieces in this thread, each when it is asked for. */
export function piecesHere(
  pieces: readonly Piece[],
  compute: (piece: Piece) => Promise<readonly Uint8Array[]>,
): PieceSource {
  const waiting = pieces.values();
  return {
    async next() {
      const { value: piece } = waiting.next();
      return piece === undefined ? [] : compute(piece);
    },
    close: async () => {},
  };
}

/** Computes pieces in threads, ahead of what is asked for. */
export function piecesInThreads(pieces: readonly Piece[], data: PieceWorkerData, threads: number): PieceSource {
  const url = new URL('./worker.js', import.meta.url);
  const pool: WorkerPool<Piece, readonly Uint8Array[]> = startWorkers(url, data, threads);
  const queued = new Array<number>(threads).fill(0);
  const ownerOf = new Map<number, number>();
  const begun: { readonly byteLength: number; readonly bytes: Promise<readonly Uint8Array[]> }[] = [];
  const waiting = pieces.values();
  let ahead = 0;

  function start(piece: Piece): void {
    const owner = ownerOf.get(piece.tensor) ?? queued.indexOf(Math.min(...queued));
    if (piece.isSequential) ownerOf.set(piece.tensor, owner);
    queued[owner] = (queued[owner] ?? 0) + piece.byteLength;
    const bytes = pool.run(owner, piece).finally(() => {
      queued[owner] = (queued[owner] ?? 0) - piece.byteLength;
    });
    // Whoever asks for it meets the error; nobody may, when another one has come before.
    bytes.catch(() => {});
    begun.push({ byteLength: piece.byteLength, bytes });
    ahead += piece.byteLength;
  }

  function startMore(): void {
    while (ahead < bytesAhead) {
      const { value: piece } = waiting.next();
      if (piece === undefined) return;
      start(piece);
    }
  }

  return {
    async next() {
      startMore();
      const first = begun.shift();
      if (first === undefined) return [];
      const bytes = await first.bytes;
      ahead -= first.byteLength;
      startMore();
      return bytes;
    },
    close: () => pool.close(),
  };
}
