import { dirname, join } from 'node:path';
import { openSafetensors, type SafetensorsFile } from '../../checkpoint/index.ts';
import { InputError } from '../../core/errors.ts';
import { codeOf } from '../../core/fileErrors.ts';
import { readJson } from '../../core/files.ts';
import { quote } from '../../core/quote.ts';
import { formatShape, type StaticShape } from '../../core/shape.ts';
import { didYouMean } from '../../core/suggest.ts';
import { isRecord } from '../families/config.ts';
import type { DecoderSpec } from '../spec.ts';
import { type Group, groupOf, groups } from './groups.ts';

/** A recorded tensor that is to be compared. */
export interface RecordedTensor {
  readonly name: string;
  readonly group: Group;
  readonly shape: StaticShape;
}

/** What somebody else's implementation computed for some tokens, in the order of comparison. Close the file after use. */
export interface Recording {
  readonly file: SafetensorsFile;
  readonly batch: number;
  readonly sequence: number;
  /** `[batch, sequence]` */
  readonly inputIds: Float64Array;
  readonly tensors: readonly RecordedTensor[];
}

/**
 * Opens a recording for a decoder, restricted to some groups. Reads the token ids, nothing else.
 *
 * Throws InputError, one line, for token ids that are missing, malformed, out of the vocabulary or more than the model
 * has positions for, for a tensor whose name means nothing, and for a group that is asked for and not recorded.
 */
export async function openRecording(path: string, spec: DecoderSpec, only: readonly Group[] = []): Promise<Recording> {
  const file = await openSafetensors(path);
  try {
    const tensors = chooseTensors(file, only);
    return { file, tensors, ...(await readInputIds(file, spec)) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function chooseTensors(file: SafetensorsFile, only: readonly Group[]): readonly RecordedTensor[] {
  const recorded = [...file.tensors.values()].flatMap(({ name, shape }): readonly RecordedTensor[] => {
    if (name === idsName) return [];
    const group = groupOf(name);
    if (group !== undefined) return [{ name, group, shape }];
    const hint = didYouMean(name, [idsName, 'logits', 'loss', 'last_block_out']);
    throw new InputError(
      `${file.path}: nothing is known by the name ${quote(name)}${hint}; known: ${idsName}, logits, loss, hidden_states.0 and so on, last_block_out, grad.<tensor>`,
    );
  });
  const present = groups.filter((group) => recorded.some((tensor) => tensor.group === group));
  const absent = only.find((group) => !present.includes(group));
  if (absent !== undefined) {
    throw new InputError(`${file.path}: holds no ${absent}; recorded: ${present.join(', ') || 'nothing to compare'}`);
  }
  const chosen = only.length === 0 ? present : present.filter((group) => only.includes(group));
  if (chosen.length === 0) throw new InputError(`${file.path}: holds nothing to compare, expected logits at least`);
  const byName = new Intl.Collator('en', { numeric: true });
  return chosen.flatMap((group) =>
    recorded.filter((tensor) => tensor.group === group).sort((a, b) => byName.compare(a.name, b.name)),
  );
}

const idsName = 'input_ids';

async function readInputIds(file: SafetensorsFile, spec: DecoderSpec) {
  const info = file.tensors.get(idsName);
  if (info === undefined)
    throw new InputError(`${file.path}: ${idsName} is missing, the tokens that it was recorded for`);
  const [batch = 0, sequence = 0] = info.shape;
  if (info.shape.length !== 2 || batch < 1 || sequence < 1) {
    throw new InputError(`${file.path}: ${idsName} has shape ${formatShape(info.shape)}, expected [batch, sequence]`);
  }
  if (!/^u?int/.test(info.dtype)) {
    throw new InputError(`${file.path}: ${idsName} is stored as ${info.dtype}, expected whole numbers (int64)`);
  }
  const inputIds = await file.readFloat64(idsName);
  const bad = inputIds.find((id) => id < 0 || id >= spec.vocabularySize);
  if (bad !== undefined) {
    throw new InputError(
      `${file.path}: ${idsName} holds ${bad}, but the model's tokens go from 0 to ${spec.vocabularySize - 1}`,
    );
  }
  if (spec.positions.kind === 'learned' && sequence > spec.positions.count) {
    throw new InputError(
      `${file.path}: ${idsName} are ${sequence} long, but the model has ${spec.positions.count} positions`,
    );
  }
  return { batch, sequence, inputIds };
}

/** The float32 error of the implementation that was recorded, from the `golden.json` beside the file, where there is one. */
export async function recordedFloat32Error(path: string): Promise<number | null> {
  const notes = join(dirname(path), 'golden.json');
  const contents = await readJson(notes).catch((error: unknown) => {
    if (error instanceof InputError && codeOf(error.cause) === 'ENOENT') return null;
    throw error;
  });
  if (!isRecord(contents) || contents.max_abs_f32_vs_f64 === undefined) return null;
  const error = contents.max_abs_f32_vs_f64;
  if (typeof error === 'number' && error > 0) return error;
  throw new InputError(`${notes}: max_abs_f32_vs_f64 is ${quote(String(error))}, expected a number above 0`);
}
