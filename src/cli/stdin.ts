import { addAbortSignal, type Readable } from 'node:stream';
import { InputError } from '../core/errors.ts';

/** All text of a stream but for one newline at its end, which programs add. Throws InputError for what is not UTF-8. */
export async function readText(stream: Readable, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of addAbortSignal(signal, stream)) chunks.push(Buffer.from(chunk));
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
    return text.replace(/\r?\n$/, '');
  } catch (error) {
    throw new InputError('standard input is not UTF-8 text', { cause: error });
  }
}
