import type { FileHandle } from 'node:fs/promises';
import { fileReader, openRegularFile, readFully, type TensorReader } from '../fileReader.ts';
import { type Header, parseHeader, parseHeaderLength, prefixBytes } from './header.ts';

export interface SafetensorsFile extends TensorReader {
  readonly path: string;
  /** The header's free-form strings (`format`: `pt`, for instance). */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Opens a safetensors file: reads and checks its header, none of its tensors. Close it after use.
 *
 * Throws InputError, one line, for a missing, truncated or malformed file. The format:
 * https://github.com/huggingface/safetensors.
 */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const file = await openRegularFile(path, 'safetensors');
  try {
    const { tensors, metadata } = await readHeader(file, path);
    return { path, metadata, ...fileReader(file, tensors, path) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function readHeader(file: FileHandle, path: string): Promise<Header> {
  const fileBytes = (await file.stat()).size;
  const prefix = await readFully(file, 0, Math.min(prefixBytes, fileBytes), path);
  const length = parseHeaderLength(prefix, fileBytes, path);
  return parseHeader(await readFully(file, prefixBytes, length, path), fileBytes, path);
}
