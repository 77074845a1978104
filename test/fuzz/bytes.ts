import type { Random } from '../../src/core/random.ts';
import { pick } from './json.ts';

/** Some bytes flipped, cut out, put in or doubled, anywhere. */
export function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const list = [...bytes];
  for (let n = random.integer(4) + 1; n > 0; n--) {
    const at = random.integer(list.length + 1);
    const length = pick([1, 1, 2, 4, 8, 64], random);
    switch (random.integer(5)) {
      case 0:
        list.splice(at, length);
        break;
      case 1:
        list.splice(at, 0, ...Array.from({ length }, () => random.integer(256)));
        break;
      case 2:
        list.splice(at, 0, ...list.slice(at, at + length));
        break;
      case 3:
        if (random.integer(4) === 0) list.length = at;
        break;
      default:
        if (at < list.length) list[at] = (list[at] ?? 0) ^ (1 << random.integer(8));
    }
  }
  return Uint8Array.from(list);
}

type Field =
  | { readonly tag: number; readonly kind: 'varint'; readonly value: bigint }
  | { readonly tag: number; readonly kind: 'fixed'; readonly bytes: Uint8Array }
  | { readonly tag: number; readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly tag: number; readonly kind: 'message'; readonly fields: readonly Field[] };

/**
 * A message of protocol buffers with up to four fields changed, at any depth, its lengths put right: what came out is
 * one that a parser takes, with values that nobody expects.
 */
export function mutateMessage(bytes: Uint8Array, random: Random): Uint8Array {
  let fields = parse(bytes) ?? [];
  for (let n = random.integer(4) + 1; n > 0; n--) fields = mutate(fields, random);
  return write(fields);
}

const uglyIntegers = [
  0n,
  1n,
  2n,
  3n,
  7n,
  16n,
  127n,
  255n,
  1000n,
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

function mutate(fields: readonly Field[], random: Random): readonly Field[] {
  if (fields.length === 0) return [{ tag: random.integer(30) + 1, kind: 'varint', value: pick(uglyIntegers, random) }];
  const at = random.integer(fields.length);
  const field = pick(fields, random);
  switch (random.integer(8)) {
    case 0:
      return fields.filter((_, i) => i !== at);
    case 1:
      return [...fields.slice(0, at), field, ...fields.slice(at)];
    case 2:
      return fields.map((entry, i) => (i === at ? { ...entry, tag: random.integer(32) + 1 } : entry));
    case 3:
      if (field.kind === 'message' && random.integer(8) === 0) return [...fields, nested(field, random)];
      return fields.map((entry, i) => (i === at ? field : entry));
    default:
      return fields.map((entry, i) => (i === at ? changed(entry, random) : entry));
  }
}

function changed(field: Field, random: Random): Field {
  switch (field.kind) {
    case 'varint':
      return { ...field, value: pick([...uglyIntegers, field.value + 1n, field.value * 2n], random) };
    case 'message':
      return { ...field, fields: mutate(field.fields, random) };
    default:
      return {
        ...field,
        bytes: field.bytes.length === 0 ? Uint8Array.of(random.integer(256)) : mutateBytes(field.bytes, random),
      };
  }
}

/** The field inside of itself, over and over. */
function nested(field: Field & { readonly kind: 'message' }, random: Random): Field {
  let inner: Field = field;
  for (let depth = pick([2, 20, 200, 2000], random); depth > 0; depth--) {
    inner = { ...field, fields: [inner] };
  }
  return inner;
}

function parse(bytes: Uint8Array): readonly Field[] | undefined {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint | undefined => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) return undefined;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    return undefined;
  };
  while (at < bytes.length) {
    const key = varint();
    if (key === undefined || key >> 3n === 0n || key > 1000n) return undefined;
    const tag = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (wire === 0) {
      const value = varint();
      if (value === undefined) return undefined;
      fields.push({ tag, kind: 'varint', value });
      continue;
    }
    const length = wire === 2 ? Number(varint() ?? -1n) : wire === 1 ? 8 : wire === 5 ? 4 : -1;
    if (length < 0 || at + length > bytes.length) return undefined;
    const content = bytes.subarray(at, at + length);
    at += length;
    if (wire !== 2) fields.push({ tag, kind: 'fixed', bytes: content });
    else {
      const inner = length === 0 ? undefined : parse(content);
      fields.push(
        inner === undefined ? { tag, kind: 'bytes', bytes: content } : { tag, kind: 'message', fields: inner },
      );
    }
  }
  return fields;
}

/** What stands before a message's fields: its key, and the length of all that was written since `from`. */
interface Prefix {
  readonly kind: 'prefix';
  readonly tag: number;
  readonly from: number;
}

/** From behind, so that a message's length is known when it is written; without recursion, since fields may be nested thousands deep. */
function write(fields: readonly Field[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const put = (bytes: Uint8Array) => {
    chunks.push(bytes);
    length += bytes.length;
  };
  const putKey = (tag: number, wire: number) => put(varintBytes(BigInt(tag * 8 + wire)));
  const steps: (Field | Prefix)[] = [...fields];
  for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
    switch (step.kind) {
      case 'message':
        steps.push({ kind: 'prefix', tag: step.tag, from: length });
        for (const field of step.fields) steps.push(field);
        continue;
      case 'varint':
        put(varintBytes(BigInt.asUintN(64, step.value)));
        putKey(step.tag, 0);
        continue;
      case 'fixed':
        put(step.bytes);
        putKey(step.tag, step.bytes.length === 8 ? 1 : 5);
        continue;
      case 'prefix':
        put(varintBytes(BigInt(length - step.from)));
        putKey(step.tag, 2);
        continue;
      case 'bytes':
        put(step.bytes);
        put(varintBytes(BigInt(step.bytes.length)));
        putKey(step.tag, 2);
    }
  }
  return Buffer.concat(chunks.reverse());
}

function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}
