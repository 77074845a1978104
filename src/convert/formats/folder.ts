import { openModel } from '../../models/index.ts';
import { storedParameters } from '../rules/apply.ts';
import type { WrittenDecoder } from './format.ts';

/** Opens a folder that normlab reads as a model. */
export async function openFolder(folder: string): Promise<WrittenDecoder> {
  const { spec, checkpoint, storage } = await openModel(folder);
  return { spec, parameters: storedParameters(checkpoint, storage), close: () => checkpoint.close() };
}
