import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cpuEngine, type EngineTensor, type Session } from '../../../engine/index.ts';
import { cacheSize, type DecoderSpec } from '../../../models/index.ts';
import type { InputIds } from '../../certificate/observe.ts';
import { modelPath } from './layout.ts';

/** A batch for an exported model, row by row: token ids, what is no padding, and where tokens stand. */
export interface ExportInputs {
  readonly inputIds: InputIds;
  readonly mask: InputIds;
  readonly positionIds: InputIds;
  /** The columns at which a run begins, on the cache of the one before; the first is 0. */
  readonly starts: readonly number[];
}

/** An exported folder's own model in ONNX Runtime. */
export async function openExportSession(folder: string): Promise<Session> {
  const path = join(folder, modelPath);
  return cpuEngine().createSession(await readFile(path), { externalDataFolder: dirname(path) });
}

/** The logits `[batch, sequence, vocabularySize]` of a folder's model, the second half of the sequence on the cache of the first. */
export async function runExport(folder: string, spec: DecoderSpec, inputIds: InputIds): Promise<Float64Array> {
  const session = await openExportSession(folder);
  try {
    const length = inputIds[0]?.length ?? 0;
    return await runBatch(session, spec, {
      inputIds,
      mask: inputIds.map((row) => row.map(() => 1)),
      positionIds: inputIds.map((row) => row.map((_, i) => i)),
      starts: length < 2 ? [0] : [0, Math.ceil(length / 2)],
    });
  } finally {
    await session.release();
  }
}

/** The logits of a batch, `[batch, sequence, vocabularySize]`. */
export async function runBatch(
  session: Session,
  spec: DecoderSpec,
  { inputIds, mask, positionIds, starts }: ExportInputs,
): Promise<Float64Array> {
  const { vocabularySize } = spec;
  const length = inputIds[0]?.length ?? 0;
  const result = new Float64Array(inputIds.length * length * vocabularySize);
  let cache = emptyCache(session, spec, inputIds.length);
  for (const [i, start] of starts.entries()) {
    const end = starts[i + 1] ?? length;
    const columns = (rows: InputIds, from: number) => ints(rows.map((row) => row.slice(from, end)));
    const { logits, ...present } = await session.run({
      ...cache,
      input_ids: columns(inputIds, start),
      attention_mask: columns(mask, 0),
      ...(session.inputNames.includes('position_ids') ? { position_ids: columns(positionIds, start) } : {}),
    });
    if (logits?.dtype !== 'float32') throw new Error('convert: the exported model gave no float32 logits');
    const size = (end - start) * vocabularySize;
    for (let row = 0; row < inputIds.length; row++) {
      result.set(logits.data.subarray(row * size, (row + 1) * size), (row * length + start) * vocabularySize);
    }
    cache = Object.fromEntries(
      Object.entries(present).map(([name, tensor]) => [name.replace('present', 'past_key_values'), tensor]),
    );
  }
  return result;
}

function emptyCache(session: Session, spec: DecoderSpec, batch: number): Readonly<Record<string, EngineTensor>> {
  const { heads, keys, values } = cacheSize(spec);
  const names = session.inputNames.filter((name) => name.startsWith('past_key_values.'));
  return Object.fromEntries(
    names.map((name) => {
      const shape = [batch, heads, 0, name.endsWith('.key') ? keys : values];
      return [name, { dtype: 'float32', shape, data: new Float32Array() } as const];
    }),
  );
}

function ints(rows: InputIds): EngineTensor {
  return { dtype: 'int64', shape: [rows.length, rows[0]?.length ?? 0], data: BigInt64Array.from(rows.flat(), BigInt) };
}
