import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { findDuplicateKey } from '../../core/jsonScan.ts';
import { parseHeader, parseHeaderLength } from './header.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const parse = (header: unknown, dataBytes: number) => {
  const bytes = encode(typeof header === 'string' ? header : JSON.stringify(header));
  return parseHeader(bytes, 8 + bytes.length + dataBytes, 'm.safetensors');
};
const f32 = (shape: unknown, begin: unknown, end: unknown) => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

describe('parseHeaderLength', () => {
  const prefix = (length: bigint) => new Uint8Array(BigUint64Array.of(length).buffer);

  it('takes what fits', () => {
    expect(parseHeaderLength(prefix(2n), 10, 'm')).toBe(2);
    expect(parseHeaderLength(prefix(100_000_000n), 100_000_008, 'm')).toBe(100_000_000);
  });

  it.each([
    ['an empty file', new Uint8Array(0), 0, 'm: 0 bytes are too few for a safetensors file'],
    ['7 bytes', new Uint8Array(7), 7, 'm: 7 bytes are too few'],
    ['a header of 10 GB', prefix(10n ** 10n), 2 ** 40, 'claims a header of 10000000000 bytes, at most 100000000'],
    ['the largest number', prefix(2n ** 64n - 1n), 100, 'claims a header of 18446744073709551615 bytes'],
    ['a header cut short', prefix(100n), 50, 'm: truncated: 58 bytes of its header of 100 bytes are missing'],
    ['a Git LFS pointer', encode('version '), 134, 'm: is a Git LFS pointer'],
  ])('refuses %s in one line', (_, bytes, fileBytes, message) => {
    expect(() => parseHeaderLength(bytes, fileBytes, 'm')).toThrow(InputError);
    expect(() => parseHeaderLength(bytes, fileBytes, 'm')).toThrow(message);
  });
});

describe('parseHeader', () => {
  it('gives tensors in the order of their bytes, with offsets into the file', () => {
    const header = {
      b: f32([2, 3], 4, 28),
      __metadata__: { format: 'pt' },
      empty: f32([0, 7], 4, 4),
      a: f32([], 0, 4),
    };
    const { tensors, metadata } = parse(header, 28);
    expect([...tensors.keys()]).toEqual(['a', 'empty', 'b']);
    const start = 8 + JSON.stringify(header).length;
    expect(tensors.get('b')).toEqual({
      name: 'b',
      dtype: 'float32',
      shape: [2, 3],
      byteOffset: start + 4,
      byteLength: 24,
    });
    expect([...metadata]).toEqual([['format', 'pt']]);
  });

  it('takes an empty object, padding, and names that objects have a meaning for', () => {
    expect(parse('{}      ', 0).tensors.size).toBe(0);
    const names = ['__proto__', 'constructor', 'toString', '1', '0', ''];
    const text = names.map((name, i) => `${JSON.stringify(name)}:${JSON.stringify(f32([1], 4 * i, 4 * i + 4))}`);
    expect([...parse(`{${text.join()}}`, 24).tensors.keys()]).toEqual(names);
    expect(Object.prototype).not.toHaveProperty('dtype');
    expect([...parse('{"__metadata__":{"__proto__":"x"}}', 0).metadata]).toEqual([['__proto__', 'x']]);
  });

  it.each([
    ['not JSON', '{"a":', 0, 'its header is not valid JSON'],
    ['an array', '[]', 0, 'is not a JSON object'],
    ['null', 'null', 0, 'is not a JSON object'],
    ['space before the object', ' {}', 0, 'is not a JSON object'],
    ['a byte order mark', '\ufeff{}', 0, 'is not valid JSON'],
    ['a name twice', '{"a":1,"\\u0061":2}', 0, 'its header has the name "a" twice'],
    ['a key twice', '{"a":{"dtype":"F32","shape":[1],"shape":[0],"data_offsets":[0,0]}}', 0, 'the name "shape" twice'],
    ['metadata that is a list', { __metadata__: ['pt'] }, 0, '__metadata__ in its header is not an object'],
    ['metadata with a number', { __metadata__: { step: 3 } }, 0, '__metadata__."step" is not a string'],
    ['an entry that is null', { a: null }, 0, 'tensor "a": its header entry is not an object'],
    ['an entry under __proto__', '{"__proto__":[]}', 0, 'tensor "__proto__": its header entry is not an object'],
    ['no dtype', { a: { shape: [], data_offsets: [0, 4] } }, 4, 'tensor "a": its header entry has no dtype'],
    [
      'an 8-bit float',
      { a: { ...f32([4], 0, 4), dtype: 'F8_E4M3' } },
      4,
      'dtype "F8_E4M3" is not supported; supported: F64',
    ],
    ['an inherited dtype', { a: { ...f32([2], 0, 4), dtype: 'toString' } }, 4, 'dtype "toString" is not supported'],
    ['no shape', { a: { dtype: 'F32', data_offsets: [0, 4] } }, 4, 'its shape is not a list'],
    ['a negative dimension', { a: f32([-1, -1], 0, 4) }, 4, 'its shape is not a list'],
    ['half a dimension', { a: f32([0.5, 2], 0, 4) }, 4, 'its shape is not a list'],
    ['a dimension as text', { a: f32(['1'], 0, 4) }, 4, 'its shape is not a list'],
    ['a shape that overflows', { a: f32([2 ** 40, 2 ** 40], 0, 4) }, 4, 'its shape has more than 2^53 bytes'],
    ['one that overflows to 0', { a: f32([2 ** 40, 2 ** 40, 0], 0, 0) }, 0, 'its shape has more than 2^53 bytes'],
    ['no offsets', { a: { dtype: 'F32', shape: [1] } }, 4, 'its data_offsets are not two'],
    ['three offsets', { a: { dtype: 'F32', shape: [1], data_offsets: [0, 4, 8] } }, 4, 'its data_offsets are not two'],
    ['a negative offset', { a: f32([1], -4, 0) }, 4, 'its data_offsets are not two'],
    [
      'an offset of 2^53',
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[9007199254740992,9007199254740992]}}',
      0,
      'not two',
    ],
    [
      'an offset of 1e400',
      '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,1e400]}}',
      0,
      'its data_offsets are not two',
    ],
    ['offsets backwards', { a: f32([1], 4, 0) }, 4, 'its data_offsets end (0) before they begin (4)'],
    ['the wrong size', { a: f32([2, 3], 0, 20) }, 20, 'F32 [2, 3] takes 24 bytes, its data_offsets hold 20'],
    ['overlaps', { a: f32([2], 0, 8), b: f32([1], 4, 8) }, 8, 'tensor "b": its bytes overlap another tensor\'s by 4'],
    ['the same bytes twice', { a: f32([1], 0, 4), b: f32([1], 0, 4) }, 4, 'tensor "b": its bytes overlap'],
    ['a hole', { a: f32([1], 0, 4), b: f32([1], 8, 12) }, 12, 'tensor "b": 4 bytes before it belong to no tensor'],
    ['a hole at the start', { a: f32([1], 4, 8) }, 8, 'tensor "a": 4 bytes before it belong to no tensor'],
    ['bytes left over', { a: f32([1], 0, 4) }, 9, 'the last 5 bytes belong to no tensor'],
    ['missing bytes', { a: f32([100], 0, 400) }, 399, 'truncated: 1 of '],
    ['a name that draws on the terminal', { 'a\u001b[2J\n': 0 }, 0, 'tensor "a\\u001b[2J\\n": its'],
  ])('refuses %s in one line', (_, header, dataBytes, message) => {
    expect(() => parse(header, dataBytes)).toThrow(InputError);
    expect(() => parse(header, dataBytes)).toThrow(`m.safetensors: `);
    expect(() => parse(header, dataBytes)).toThrow(message);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parseHeader(Uint8Array.of(0x7b, 0xc3, 0x28, 0x7d), 12, 'm')).toThrow('is not valid UTF-8');
  });

  it('survives deep nesting and long strings', () => {
    for (const bracket of ['[', '{"b":']) {
      expect(() => parse(`{"a":${bracket.repeat(1e6)}`, 0)).toThrow('its header is nested too deeply');
    }
    expect(parse({ __metadata__: { long: '\\"{'.repeat(1e6) } }, 0).metadata.size).toBe(1);
  });
});

/** Headers that are right but for a few values, so that the checks behind the first ones are reached too. */
const nearlyRight = fc
  .array(fc.record({ name: fc.string({ maxLength: 3 }), shape: fc.array(fc.nat(3), { maxLength: 3 }) }), {
    maxLength: 4,
  })
  .chain((tensors) => {
    let end = 0;
    const odd = fc.constantFrom<unknown>(-1, 0.5, 4, '4', null, 2 ** 53, [], {}, 1e308, '__proto__');
    const mostly = <T>(value: T) => fc.oneof({ weight: 30, arbitrary: fc.constant<unknown>(value) }, odd);
    const entries = tensors.map(({ name, shape }) => {
      const begin = end;
      end += 4 * shape.reduce((product, dim) => product * dim, 1);
      return fc.tuple(
        fc.constant(name),
        fc.record({
          dtype: mostly('F32'),
          shape: fc.tuple(...shape.map(mostly)),
          data_offsets: fc.tuple(mostly(begin), mostly(end)),
        }),
      );
    });
    return fc.record({ entries: fc.tuple(...entries), dataBytes: fc.oneof(fc.constant(end), fc.nat(100)) });
  });

it('gives ranges that tile the file exactly, or an InputError, whatever the header says', () => {
  let accepted = 0;
  const check = (bytes: Uint8Array, fileBytes: number) => {
    try {
      const { tensors } = parseHeader(bytes, fileBytes, 'm');
      let position = 8 + bytes.length;
      for (const { shape, byteOffset, byteLength } of tensors.values()) {
        expect(byteOffset).toBe(position);
        expect(byteLength).toBe(4 * shape.reduce((product, dim) => product * dim, 1));
        position += byteLength;
      }
      expect(position).toBe(fileBytes);
      accepted += 1;
    } catch (error) {
      expect(error).toBeInstanceOf(InputError);
      expect(String(error)).not.toContain('\n');
    }
  };
  fc.assert(
    fc.property(
      nearlyRight,
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 }),
      ({ entries, dataBytes }, flips) => {
        const members = entries.map(([name, info]) => `${JSON.stringify(name)}:${JSON.stringify(info)}`);
        const bytes = encode(`{${members.join()}}`);
        check(bytes, 8 + bytes.length + dataBytes);
        for (const [position, value] of flips) bytes[position % bytes.length] = value;
        check(bytes, 8 + bytes.length + dataBytes);
      },
    ),
    { numRuns: 2000 },
  );
  expect(accepted).toBeGreaterThan(100);
});

describe('findDuplicateKey', () => {
  it('looks into every object, at keys only', () => {
    expect(findDuplicateKey('{"a":{"b":1,"c":"b"},"b":["a","a"],"c":{}}')).toBeUndefined();
    expect(findDuplicateKey('[{"a":1},{"a":{"x":1, "x" \n:2}}]')).toBe('x');
    expect(findDuplicateKey('{"\\"":1,"{":2,"\\u007b":3}')).toBe('{');
    expect(findDuplicateKey('{"\\\\":1,"\\\\":2}')).toBe('\\');
  });

  it('finds none in what JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(findDuplicateKey(JSON.stringify(value))).toBeUndefined();
      }),
    );
  });
});
