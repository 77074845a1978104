import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { openSafetensors, writeSafetensors } from '../checkpoint/index.ts';
import { InputError } from '../core/errors.ts';
import type { Chunk } from './packing.ts';
import type { TrainState } from './step.ts';

const stateParts = ['parameters', 'firstMoments', 'secondMoments'] as const;

function statePath(folder: string): string {
  return join(folder, 'checkpoint', 'state.safetensors');
}

/** Writes the state after a step. At any moment the file is the old checkpoint or the new one. */
export async function writeCheckpoint(
  folder: string,
  chunks: readonly Chunk[],
  state: TrainState,
  step: number,
): Promise<void> {
  await mkdir(join(folder, 'checkpoint'), { recursive: true });
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
  await writeSafetensors(statePath(folder), entries, { metadata: { step: String(step) } });
}

/** Reads a checkpoint. Throws an `InputError` where it does not fit the run's model. */
export async function readCheckpoint(
  folder: string,
  chunks: readonly Chunk[],
): Promise<{ readonly state: TrainState; readonly step: number }> {
  const path = statePath(folder);
  const file = await openSafetensors(path);
  try {
    const step = Number(file.metadata.get('step'));
    if (!Number.isSafeInteger(step) || step < 0)
      throw new InputError(`${path}: its metadata name no step; delete the run folder and start again`);
    const read = async (part: (typeof stateParts)[number]) => {
      const arrays: Float32Array[] = [];
      for (const chunk of chunks) {
        const name = `${part}.${chunk.name}`;
        const info = file.tensors.get(name);
        if (info === undefined || info.dtype !== 'float32' || info.shape.join() !== String(chunk.size)) {
          throw new InputError(
            `${path}: ${name} is not float32 [${chunk.size}]: the checkpoint is of another model; delete the run folder and start again`,
          );
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
