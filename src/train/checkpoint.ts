import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors, writeSafetensors } from '../checkpoint/index.ts';
import { InputError, messageOf } from '../core/errors.ts';
import { explainFileError } from '../core/fileErrors.ts';
import type { Chunk } from './packing.ts';
import type { TrainState } from './step.ts';

const stateParts = ['parameters', 'firstMoments', 'secondMoments'] as const;

const advice = 'restore it, or --force to start over';

/** Where the checkpoint of a run folder lies. */
export function checkpointPath(folder: string): string {
  return join(folder, 'checkpoint', 'state.safetensors');
}

/** The state after a step. */
export interface Checkpoint {
  readonly state: TrainState;
  readonly step: number;
}

/** Writes a checkpoint of the run `run`. At any moment the file is the old checkpoint or the new one. */
export async function writeCheckpoint(
  folder: string,
  run: string,
  chunks: readonly Chunk[],
  { state, step }: Checkpoint,
): Promise<void> {
  const path = checkpointPath(folder);
  const entries = stateParts.flatMap((part) =>
    chunks.map((chunk, i) => {
      const data = state[part][i] ?? new Float32Array();
      return {
        name: `${part}.${chunk.name}`,
        dtype: 'float32' as const,
        shape: [chunk.size],
        data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      };
    }),
  );
  try {
    await mkdir(join(folder, 'checkpoint'), { recursive: true });
    await writeSafetensors(path, entries, { metadata: { step: String(step), run } });
  } catch (error) {
    throw explainFileError(error, path);
  }
}

/** Reads a checkpoint. Throws an `InputError` where it is damaged, or of another run than `run`. */
export async function readCheckpoint(folder: string, run: string, chunks: readonly Chunk[]): Promise<Checkpoint> {
  const path = checkpointPath(folder);
  const file = await openSafetensors(path).catch((error: unknown) => {
    throw error instanceof InputError ? new InputError(`${messageOf(error)}; ${advice}`, { cause: error }) : error;
  });
  try {
    if (file.metadata.get('run') !== run) throw new InputError(`${path}: is the checkpoint of another run; ${advice}`);
    const text = file.metadata.get('step') ?? '';
    const step = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!Number.isSafeInteger(step)) throw new InputError(`${path}: its metadata name no step; ${advice}`);
    const read = async (part: (typeof stateParts)[number]) => {
      const arrays: Float32Array[] = [];
      for (const chunk of chunks) {
        const name = `${part}.${chunk.name}`;
        const info = file.tensors.get(name);
        if (info === undefined || info.dtype !== 'float32' || info.shape.join() !== String(chunk.size)) {
          throw new InputError(`${path}: ${name} is not float32 [${chunk.size}]; ${advice}`);
        }
        arrays.push(await file.readFloat32(name));
      }
      return arrays;
    };
    const state = {
      parameters: await read('parameters'),
      firstMoments: await read('firstMoments'),
      secondMoments: await read('secondMoments'),
    };
    return { state, step };
  } finally {
    await file.close();
  }
}
