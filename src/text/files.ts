import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import { codeOf, explainFileError } from '../core/fileErrors.ts';
import { sizeOfFile } from '../core/files.ts';
import { type Corpus, createCorpus } from './corpus.ts';

export interface TextFilesOptions {
  /** The share of each file, at its end, that is held out. Default 0.1. */
  readonly validationFraction?: number;
}

/**
 * Text files as one corpus, in the given order; of each the last tenth is held out.
 *
 * The tail is held out, not blocks from everywhere: a model can't have seen the sentences around it. So a file should be
 * of one kind throughout; give texts of different kinds as files of their own.
 *
 * Throws an InputError, which names the file, for one that can't be read, isn't text (holds a zero byte), or is too
 * short for both parts to have two bytes.
 */
export async function loadTextFiles(paths: readonly string[], options: TextFilesOptions = {}): Promise<Corpus> {
  const { validationFraction = 0.1 } = options;
  if (!(validationFraction > 0 && validationFraction < 1)) {
    throw new InputError(`text: the validation fraction is ${validationFraction}, expected between 0 and 1`);
  }
  if (paths.length === 0) throw new InputError('text: no file was named');
  const minimum = Math.ceil(2 / Math.min(validationFraction, 1 - validationFraction));
  const train: Uint8Array[] = [];
  const validation: Uint8Array[] = [];
  for (const path of paths) {
    const bytes = await readText(path, minimum);
    const cut = bytes.length - Math.floor(bytes.length * validationFraction);
    train.push(bytes.subarray(0, cut));
    validation.push(bytes.subarray(cut));
  }
  const names = paths.map((path) => basename(path)).join(', ');
  const each = paths.length === 1 ? '' : ' of each';
  const percent = Number((100 * validationFraction).toPrecision(3));
  return createCorpus({
    name: names,
    description: `${names}: the last ${percent} %${each} held out.`,
    train,
    validation,
  });
}

async function readText(path: string, minimum: number): Promise<Uint8Array> {
  await sizeOfFile(path);
  const bytes = await readFile(path).catch((error: unknown) => {
    if (codeOf(error) === 'ERR_FS_FILE_TOO_LARGE') {
      throw new InputError(`${path}: is larger than 2 GiB, the most that is read; cut it`, { cause: error });
    }
    throw explainFileError(error, path);
  });
  const zero = bytes.indexOf(0);
  if (zero >= 0) {
    throw new InputError(
      `${path}: is no plain text (byte ${zero} is zero); expected UTF-8 or another code without zero bytes`,
    );
  }
  if (bytes.length < minimum) {
    const length = bytes.length === 0 ? 'is empty' : `has ${bytes.length} bytes`;
    throw new InputError(`${path}: ${length}, needs at least ${minimum} for a part to train on and one to hold out`);
  }
  return bytes;
}
