import { createRequire } from 'node:module';
import { InputError, messageOf } from '../core/errors.ts';

export type OnnxRuntime = typeof import('onnxruntime-node');

/**
 * Loads ONNX Runtime when an engine is first asked for, so that what needs no engine runs everywhere.
 * @throws InputError where it has no native library
 */
export function loadOnnxRuntime(): OnnxRuntime {
  try {
    const ort: OnnxRuntime = createRequire(import.meta.url)('onnxruntime-node');
    ort.env.logLevel = 'error';
    return ort;
  } catch (error) {
    throw loadError(error);
  }
}

/** Exported for its test: there is no way to take the library away from a running process. */
export function loadError(error: unknown): InputError {
  const [firstLine = ''] = messageOf(error).split('\n');
  return new InputError(
    `engine: ONNX Runtime doesn't load on ${process.platform}-${process.arch} (${firstLine}). ` +
      'It runs on linux-x64 and linux-arm64 with glibc, darwin-arm64, win32-x64 and win32-arm64, ' +
      'where `npm ci` installed onnxruntime-node',
    { cause: error },
  );
}
