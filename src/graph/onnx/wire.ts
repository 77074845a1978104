import { InputError } from '../../core/errors.ts';

// Protocol buffers as bytes: what lets a file be changed in a few places while all others stay what they were, also where
// they are of a kind that nobody here has heard of.

/** A field of a message. */
export interface WireField {
  readonly number: number;
  /** The contents of fields that have a length: text, bytes, messages, packed lists. Empty for numbers. */
  readonly payload: Uint8Array;
  /** The whole field, with its tag and length. */
  readonly bytes: Uint8Array;
}

/** The fields of a message in the order of the file. Throws InputError for what is none. */
export function* wireFields(message: Uint8Array, source: string): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = message[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new InputError(`${source}: not an ONNX model, or a truncated one`);
  };
  while (at < message.length) {
    const start = at;
    const tag = varint();
    let payload = message.subarray(0, 0);
    switch (tag % 8) {
      case 0:
        varint();
        break;
      case 1:
        at += 8;
        break;
      case 2: {
        const length = varint();
        payload = message.subarray(at, at + length);
        at += length;
        break;
      }
      case 5:
        at += 4;
        break;
      default:
        throw new InputError(`${source}: not an ONNX model: it has a field of wire type ${tag % 8}`);
    }
    if (at > message.length) throw new InputError(`${source}: not an ONNX model, or a truncated one`);
    yield { number: Math.floor(tag / 8), payload, bytes: message.subarray(start, at) };
  }
}

/** Bytes to write, at hand or made while they are written. */
export type Part = Uint8Array | { readonly length: number; readonly read: () => AsyncIterable<Uint8Array> };

/** A field that has a length, of the parts of its contents. */
export function lengthDelimited(number: number, contents: readonly Part[]): readonly Part[] {
  const length = contents.reduce((sum, part) => sum + part.length, 0);
  return [Uint8Array.from([...varintBytes(number * 8 + 2), ...varintBytes(length)]), ...contents];
}

/** A field with a whole number that isn't negative. */
export function varintField(number: number, value: number): Uint8Array {
  return Uint8Array.from([...varintBytes(number * 8), ...varintBytes(value)]);
}

/** A field with text. */
export function textField(number: number, text: string): readonly Part[] {
  return lengthDelimited(number, [new TextEncoder().encode(text)]);
}

function varintBytes(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return [...bytes, rest];
}
