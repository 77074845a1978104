import { basename, join } from 'node:path';
import { type DecoderSpec, decoderParameters, type Storage } from '../../../models/index.ts';
import type { OutputTensor } from '../../write/layout.ts';
import { storedBytes } from '../../write/weights.ts';

/** Where Optimum and transformers.js look for the model in a folder. */
export const modelPath = join('onnx', 'model.onnx');
const modelFile = basename(modelPath);

/** The key of the model's metadata under which it says what decoder it computes. */
export const specKey = 'normlab.spec';

/** A smaller model is one file, which needs no key of the config; in it everything passes through memory. */
const wholeBytes = 64 * 2 ** 20;

/** Smaller tensors stay in the model's own file: beside it they would be mostly padding. */
const inlineBytes = 2 ** 16;

/** A browser holds the files beside the model whole, and no more than 2 GiB at once. */
const mostDataBytes = 2e9;

/** Where the data of a tensor begin in a file beside the model: at a page, so that an engine can map it. */
export const dataAlignment = 4096;

/** Linears lie as `[inSize, outSize]`, which is how a matrix product reads them; embeddings stay as they are. */
export function exportStorage(spec: DecoderSpec): Storage {
  return new Map(
    decoderParameters(spec).map(({ name, shape, part }) => [
      name,
      { tensor: name, transposed: part.type === 'linear' && shape.length === 2 },
    ]),
  );
}

/** Whether a file of the output is the model's own. */
export function isModelFile(file: string): boolean {
  return file === modelFile;
}

/** Puts tensors into the model's own file, or beside it: `model.onnx_data`, `model.onnx_data_1`, as transformers.js asks for them. */
export function inExportFiles(
  tensors: readonly OutputTensor[],
  { whole = wholeBytes, inline = inlineBytes, most = mostDataBytes } = {},
): readonly OutputTensor[] {
  const isWhole = tensors.reduce((sum, tensor) => sum + storedBytes(tensor), 0) <= whole;
  let number = 0;
  let end = 0;
  return tensors.map((tensor) => {
    const bytes = storedBytes(tensor);
    if (isWhole || bytes < inline) return { ...tensor, file: modelFile };
    if (end > 0 && end + bytes > most) {
      number++;
      end = 0;
    }
    end = Math.ceil((end + bytes) / dataAlignment) * dataAlignment;
    return { ...tensor, file: `${modelFile}_data${number === 0 ? '' : `_${number}`}` };
  });
}

/** How many files lie beside the model. */
export function dataFiles(tensors: readonly OutputTensor[]): number {
  return new Set(tensors.map(({ file }) => file).filter((file) => !isModelFile(file))).size;
}
