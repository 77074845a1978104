import { type FileHandle, open } from 'node:fs/promises';
import { InputError } from '../../core/errors.ts';
import { explainFileError } from '../../core/fileErrors.ts';
import { quote } from '../../core/quote.ts';
import { fileReader, openRegularFile, readFully, type TensorReader } from '../fileReader.ts';
import { writeFully } from '../safetensors/entries.ts';
import { NeedsMoreBytes } from './cursor.ts';
import { type GgufHeader, type GgufHeaderMetadata, parseGgufHeader } from './header.ts';

export interface GgufFile extends TensorReader {
  readonly path: string;
  readonly metadata: GgufHeaderMetadata;
}

/** What is read of a file at first: headers without a vocabulary are shorter. */
const firstBytes = 2 ** 16;

/** The headers of the largest vocabularies take some 20 MB. */
const maxHeaderBytes = 2 ** 27;

/**
 * Opens a GGUF file of version 2 or 3: reads and checks its header, none of its tensors. Close it after use.
 *
 * Throws InputError, one line, for a missing, truncated or malformed file, and for one with quantized tensors. Memory is a few
 * times the header's size, which may be 128 MiB at most. The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
 */
export async function openGguf(path: string): Promise<GgufFile> {
  const file = await openRegularFile(path, 'GGUF');
  try {
    const { metadata, tensors } = await readHeader(file, path);
    return { path, metadata, ...fileReader(file, tensors, path) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle, path: string): Promise<GgufHeader> {
  const fileBytes = (await file.stat()).size;
  for (let length = firstBytes; ; length = Math.min(8 * length, maxHeaderBytes)) {
    try {
      return parseGgufHeader(await readFully(file, 0, Math.min(length, fileBytes), path), fileBytes, path);
    } catch (error) {
      if (!(error instanceof NeedsMoreBytes)) throw error;
      if (length < maxHeaderBytes) continue;
      throw new InputError(`${path}: its header has more than ${maxHeaderBytes} bytes, which is no model's`, {
        cause: error,
      });
    }
  }
}

/**
 * Replaces the text of a key of an existing file by another one with as many bytes, in place. Throws InputError where the
 * file can't be written, RangeError where it has no such text.
 */
export async function replaceGgufText(path: string, key: string, text: string): Promise<void> {
  const file = await open(path, 'r+').catch((error: unknown) => {
    throw explainFileError(error, path);
  });
  try {
    const place = (await readHeader(file, path)).texts.get(key);
    const bytes = new TextEncoder().encode(text);
    if (place === undefined || place.end - place.start !== bytes.length) {
      throw new RangeError(`${path}: the key ${quote(key)} holds no text of ${bytes.length} bytes`);
    }
    await writeFully(file, bytes, place.start);
    await file.sync();
  } catch (error) {
    throw explainFileError(error, path);
  } finally {
    await file.close();
  }
}
