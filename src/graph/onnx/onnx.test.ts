import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byteSizes, type DType, dtypes } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { sizeOf } from '../../core/shape.ts';
import { decodeModel, encodeModel, type OnnxGraph, type OnnxModel } from './index.ts';
import { externalLocation, type TensorProto, writeModelProto } from './schema.ts';

const name = fc.string({ unit: 'grapheme', maxLength: 8 });
const int = fc.maxSafeInteger().map((value) => (Object.is(value, -0) ? 0 : value));
const float = fc.float();
const extent = fc.oneof(fc.nat(3), fc.nat(3), fc.constant(0));
const header = fc.record({ name, dtype: fc.constantFrom(...dtypes), shape: fc.array(extent, { maxLength: 3 }) });

const tensor = header.chain((h) => {
  const length = sizeOf(h.shape) * byteSizes[h.dtype];
  return fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ ...h, data }));
});
const external = fc
  .tuple(header, name, fc.maxSafeInteger())
  .filter(([, location]) => location !== '')
  .map(([h, location, offset]) => ({
    ...h,
    external: { location, offset: Math.abs(offset), length: sizeOf(h.shape) * byteSizes[h.dtype] },
  }));

const valueInfo = fc.record({
  name,
  dtype: fc.constantFrom(...dtypes),
  shape: fc.array(
    fc.oneof(
      int,
      name.filter((symbol) => symbol !== ''),
    ),
    { maxLength: 4 },
  ),
});

const { graph } = fc.letrec<{ graph: OnnxGraph; attribute: unknown }>((tie) => ({
  graph: fc.record({
    name,
    nodes: fc.array(
      fc.record(
        {
          opType: name,
          inputs: fc.array(name, { maxLength: 3 }),
          outputs: fc.array(name, { maxLength: 3 }),
          domain: name,
          name,
          attributes: fc.dictionary(name, tie('attribute'), { minKeys: 1, maxKeys: 4 }),
        },
        { requiredKeys: ['opType', 'inputs', 'outputs'] },
      ),
      { maxLength: 3 },
    ),
    inputs: fc.array(valueInfo, { maxLength: 3 }),
    outputs: fc.array(valueInfo, { maxLength: 3 }),
    initializers: fc.array(fc.oneof(tensor, external), { maxLength: 3 }),
  }) as fc.Arbitrary<OnnxGraph>,
  attribute: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    fc.record({ kind: fc.constant('int'), value: int }),
    fc.record({ kind: fc.constant('float'), value: float }),
    fc.record({ kind: fc.constant('string'), value: name }),
    fc.record({ kind: fc.constant('tensor'), value: tensor }),
    fc.record({ kind: fc.constant('ints'), value: fc.array(int) }),
    fc.record({ kind: fc.constant('floats'), value: fc.array(float) }),
    fc.record({ kind: fc.constant('strings'), value: fc.array(name) }),
    fc.record({ kind: fc.constant('graph'), value: tie('graph') }),
  ),
}));

const model: fc.Arbitrary<OnnxModel> = fc.record(
  {
    irVersion: fc.nat(20),
    producerName: name,
    opsetImports: fc.array(fc.record({ domain: name, version: fc.nat(30) }), { minLength: 1, maxLength: 3 }),
    graph,
    metadata: fc.dictionary(name, name, { minKeys: 1 }),
  },
  { requiredKeys: ['irVersion', 'producerName', 'opsetImports', 'graph'] },
);

const empty: OnnxGraph = { name: '', nodes: [], inputs: [], outputs: [], initializers: [] };

function modelOf(graph: Partial<OnnxGraph>): OnnxModel {
  return {
    irVersion: 10,
    producerName: 'test',
    opsetImports: [{ domain: '', version: 21 }],
    graph: { ...empty, ...graph },
  };
}

function fileOf(initializer: TensorProto<number>): Uint8Array {
  return writeModelProto({ opsetImport: [{ version: 21 }], graph: { initializer: [initializer] } });
}

describe('encodeModel and decodeModel', () => {
  it('read back what was written', () => {
    fc.assert(
      fc.property(model, (m) => {
        expect(decodeModel(encodeModel(m))).toEqual(m);
      }),
    );
  });

  it('write what the protobuf documentation and onnx.proto prescribe', () => {
    const bytes = encodeModel(
      modelOf({
        nodes: [
          { opType: 'Cast', inputs: ['x'], outputs: ['y'], attributes: { to: { kind: 'int', value: 2 ** 32 + 1 } } },
        ],
      }),
    );
    const hex = [
      ['080a', '1204', '74657374'], // ir_version = 10, producer_name = "test"
      ['3a1f', '0a1b', '0a0178', '120179', '2204', '43617374'], // graph { node { input, output, op_type
      ['2a0d', '0a02746f', '188180808010', 'a00102', '1200'], // attribute { name, i, type = INT } } name }
      ['4204', '0a00', '1015'], // opset_import { domain, version }
    ];
    expect(Buffer.from(bytes).toString('hex')).toBe(hex.flat().join(''));
  });

  it('refuse integers that a number cannot hold', () => {
    const node = { opType: 'Cast', inputs: ['x'], outputs: ['y'] };
    const unsafe = modelOf({ nodes: [{ ...node, attributes: { to: { kind: 'int', value: 2 ** 53 } } }] });
    expect(() => encodeModel(unsafe)).toThrow(/attribute to is 9007199254740992, expected a safe integer/);
    const slice = { opType: 'Slice', output: ['y'], attribute: [{ name: 'end', type: 2, i: -1 }] };
    const file = Buffer.from(writeModelProto({ opsetImport: [{}], graph: { node: [slice] } })).toString('hex');
    const smallest = Buffer.from(file.replace('ffffffffffffffffff01', '80808080808080808001'), 'hex');
    expect(() => decodeModel(smallest, 'm.onnx')).toThrow(
      'm.onnx: node "y" ("Slice"), attribute "end": integer -9223372036854775808',
    );
  });

  it('refuse data that does not fill its shape', () => {
    const initializer = { name: 'w', dtype: 'float32', shape: [3], data: new Uint8Array(8) } as const;
    expect(() => encodeModel(modelOf({ initializers: [initializer] }))).toThrow(
      'initializer w has 8 bytes, expected 12 for float32 [3]',
    );
    const file = fileOf({ name: 'w', dataType: 1, dims: [3], rawData: new Uint8Array(8) });
    expect(() => decodeModel(file)).toThrow('tensor "w": has 8 bytes, expected 12 for float32 [3]');
  });
});

describe('decodeModel', () => {
  it("reads what Python's onnx package wrote", () => {
    const bytes = readFileSync(new URL('fixtures/everything.onnx', import.meta.url));
    const outcome = { name: 'o', dtype: 'float32', shape: [1, 2] };
    const tensor = (name: string, dtype: DType, shape: readonly number[], values: ArrayBufferView) => {
      return { name, dtype, shape, data: new Uint8Array(values.buffer) };
    };
    const constant = tensor('', 'float32', [1, 2], Float32Array.of(0.5, -0.5));
    const branch = (name: string, node: object) => {
      return { kind: 'graph', value: { ...empty, name, nodes: [{ outputs: ['o'], ...node }], outputs: [outcome] } };
    };
    expect(decodeModel(bytes)).toEqual({
      irVersion: 10,
      producerName: 'python-onnx',
      opsetImports: [
        { domain: '', version: 21 },
        { domain: 'example.test', version: 3 },
      ],
      metadata: { author: 'someone' },
      graph: {
        name: 'main',
        nodes: [
          { opType: 'Slice', name: 'slice', inputs: ['x', 'start', '', 'start'], outputs: ['y'] },
          {
            opType: 'Everything',
            domain: 'example.test',
            inputs: ['y'],
            outputs: ['z', ''],
            attributes: {
              floats: { kind: 'floats', value: [1.5, -2.5] },
              text: { kind: 'string', value: 'näher' },
              ints: { kind: 'ints', value: [1, 2 ** 40, -1] },
              words: { kind: 'strings', value: ['p', 'q'] },
              zero: { kind: 'float', value: 0 },
              none: { kind: 'int', value: 0 },
              negative: { kind: 'int', value: -7 },
            },
          },
          {
            opType: 'If',
            inputs: ['condition'],
            outputs: ['o'],
            attributes: {
              then_branch: branch('then', { opType: 'Identity', inputs: ['raw'] }),
              else_branch: branch('else', {
                opType: 'Constant',
                inputs: [],
                attributes: { value: { kind: 'tensor', value: constant } },
              }),
            },
          },
        ],
        inputs: [
          { name: 'x', dtype: 'float16', shape: ['n', 'x.1', 3] },
          { name: 'condition', dtype: 'bool', shape: [] },
        ],
        outputs: [{ name: 'z', dtype: 'float32', shape: [0] }, outcome],
        initializers: [
          tensor('start', 'int64', [1], BigInt64Array.of(-1n)),
          tensor('half', 'float16', [2], Uint16Array.of(0x3c00, 0xc000)),
          tensor('brain', 'bfloat16', [2], Uint16Array.of(0x3f80, 0xc000)),
          tensor('flags', 'bool', [2], Uint8Array.of(1, 0)),
          tensor('wide', 'uint32', [1], Uint32Array.of(2 ** 32 - 1)),
          tensor('double', 'float64', [], Float64Array.of(0.1)),
          tensor('raw', 'float32', [1, 2], Float32Array.of(1, 2)),
          {
            name: 'external',
            dtype: 'float64',
            shape: [3],
            external: { location: 'weights/w.bin', offset: 2 ** 33, length: 24 },
          },
        ],
      },
    });
  });

  const typedLists: [TensorProto<number>, ArrayBufferView][] = [
    [{ dataType: 1, dims: [3], floatData: [1.5, -0, Number.NaN] }, Float32Array.of(1.5, -0, Number.NaN)],
    [{ dataType: 11, dims: [2], doubleData: [0.1, -1e300] }, Float64Array.of(0.1, -1e300)],
    [{ dataType: 7, dims: [2], int64Data: [-5, 2 ** 40] }, BigInt64Array.of(-5n, 2n ** 40n)],
    [{ dataType: 13, dims: [1], uint64Data: [2 ** 40] }, BigUint64Array.of(2n ** 40n)],
    [{ dataType: 12, dims: [1], uint64Data: [2 ** 32 - 1] }, Uint32Array.of(2 ** 32 - 1)],
    [{ dataType: 6, dims: [2], int32Data: [-1, 2 ** 31 - 1] }, Int32Array.of(-1, 2 ** 31 - 1)],
    [{ dataType: 5, dims: [1], int32Data: [-2] }, Int16Array.of(-2)],
    [{ dataType: 3, dims: [1], int32Data: [-128] }, Int8Array.of(-128)],
    [{ dataType: 2, dims: [1], int32Data: [255] }, Uint8Array.of(255)],
    [{ dataType: 9, dims: [2], int32Data: [0, 1] }, Uint8Array.of(0, 1)],
    [{ dataType: 10, dims: [1], int32Data: [0xbc00] }, Uint16Array.of(0xbc00)],
    [{ dataType: 16, dims: [1], int32Data: [0x3f80] }, Uint16Array.of(0x3f80)],
  ];

  it.each(typedLists)('reads the typed list of %o', (proto, expected) => {
    const [initializer] = decodeModel(fileOf(proto)).graph.initializers;
    const data = initializer && 'data' in initializer ? initializer.data : undefined;
    expect(data).toEqual(new Uint8Array(expected.buffer, expected.byteOffset, expected.byteLength));
  });

  it('reads external data whose offset and length are left out', () => {
    const externalData = [{ key: 'location', value: 'w.bin' }];
    const file = fileOf({ dataType: 1, dims: [4], dataLocation: externalLocation, externalData });
    expect(decodeModel(file).graph.initializers).toEqual([
      { name: '', dtype: 'float32', shape: [4], external: { location: 'w.bin', offset: 0, length: 16 } },
    ]);
  });

  it('skips fields that it does not know', () => {
    const documentation = Uint8Array.of(0x32, 2, 104, 105, 0xc2, 0x3e, 1, 0);
    const known = encodeModel(modelOf({}));
    expect(decodeModel(Uint8Array.of(...documentation, ...known, ...documentation))).toEqual(modelOf({}));
  });

  it('reads functions that are called, also by one another', () => {
    const attribute = [{ name: 'axis', refAttrName: 'along' }];
    const [outer, inner] = [
      {
        domain: 'own',
        name: 'Outer',
        input: ['a'],
        output: ['b'],
        attribute: ['along'],
        opsetImport: [{ version: 18 }],
      },
      { domain: 'own', name: 'Inner', attributeProto: [{ name: 'alpha', type: 1, f: 0.5 }] },
    ];
    const functions = [inner, { ...outer, node: [{ opType: 'Inner', domain: 'own', attribute }] }, { name: 'Unused' }];
    const graph = { node: [{ opType: 'Outer', domain: 'own' }] };
    const model = decodeModel(writeModelProto({ opsetImport: [{}], graph, functions }));
    const expected = [
      {
        domain: 'own',
        name: 'Outer',
        inputs: ['a'],
        outputs: ['b'],
        attributes: ['along'],
        defaults: {},
        nodes: [
          {
            opType: 'Inner',
            domain: 'own',
            inputs: [],
            outputs: [],
            attributes: {},
            attributeReferences: { axis: 'along' },
          },
        ],
        opsetImports: [{ domain: '', version: 18 }],
      },
      {
        domain: 'own',
        name: 'Inner',
        inputs: [],
        outputs: [],
        attributes: [],
        defaults: { alpha: { kind: 'float', value: 0.5 } },
        nodes: [],
        opsetImports: [],
      },
    ];
    expect(model.functions).toEqual(expected);
    expect(decodeModel(encodeModel(model)).functions).toEqual(expected);
  });

  it('skips functions that no node calls, and described values that are no tensors', () => {
    const valueInfo = [
      { name: 's', type: {} },
      { name: 'x', type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 3 }] } } } },
      { name: 'y', type: { tensorType: { elemType: 1 } } },
    ];
    const functions = [{ name: 'Rank', domain: 'own' }];
    const file = writeModelProto({ opsetImport: [{}], graph: { node: [{ opType: 'Rank' }], valueInfo }, functions });
    expect(decodeModel(file).graph).toMatchObject({
      nodes: [{ opType: 'Rank' }],
      valueInfos: [{ name: 'x', dtype: 'float32', shape: [3] }],
    });
  });

  it('gives every unknown dimension a symbol of its own', () => {
    const shape = { dim: [{}, { dimParam: '' }, { dimValue: 0 }] };
    const input = [{ name: 'x', type: { tensorType: { elemType: 1, shape } } }];
    const file = writeModelProto({ opsetImport: [{}], graph: { input } });
    expect(decodeModel(file).graph.inputs).toEqual([{ name: 'x', dtype: 'float32', shape: ['x.0', 'x.1', 0] }]);
  });

  it('answers every malformed file with one line', () => {
    const good = encodeModel(
      modelOf({
        nodes: [{ opType: 'Neg', inputs: ['x'], outputs: ['y'], attributes: { a: { kind: 'string', value: 'é' } } }],
        initializers: [{ name: 'w', dtype: 'float32', shape: [2], data: new Uint8Array(8) }],
      }),
    );
    const damaged = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.nat(good.length).map((length) => good.slice(0, length)),
      fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([i, byte]) => good.with(i, byte)),
    );
    fc.assert(
      fc.property(damaged, (bytes) => {
        try {
          decodeModel(bytes, 'm.onnx');
        } catch (error) {
          expect(error).toBeInstanceOf(InputError);
          expect(String(error)).toMatch(/^InputError: m\.onnx: .+$/);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['nothing', new Uint8Array(), 'it has no graph'],
    ['JSON', new TextEncoder().encode('{"architectures": ["GPT2LMHeadModel"]}'), 'not an ONNX model'],
    ['a string tensor', fileOf({ name: 'voca\nbulary', dataType: 8 }), 'tensor "voca\\nbulary": element type 8'],
    ['a negative length', fileOf({ dataType: 1, dims: [-1] }), 'shape [-1] has a negative length'],
    [
      'text that is not UTF-8',
      writeModelProto({
        opsetImport: [{}],
        graph: {
          node: [{ opType: 'Cast', name: 'n', attribute: [{ name: 'mode', type: 3, s: Uint8Array.of(0xff) }] }],
        },
      }),
      'node "n" ("Cast"), attribute "mode": expected UTF-8 text',
    ],
    [
      'a sparse initializer',
      writeModelProto({ opsetImport: [{}], graph: { sparseInitializer: [new Uint8Array()] } }),
      'sparse',
    ],
    [
      'an unknown rank',
      writeModelProto({ opsetImport: [{}], graph: { output: [{ name: 'y', type: { tensorType: { elemType: 1 } } }] } }),
      'value "y": has no shape',
    ],
    [
      'a sequence',
      writeModelProto({ opsetImport: [{}], graph: { input: [{ name: 'x', type: {} }] } }),
      'value "x": has no tensor type',
    ],
    [
      'an offset that is no number',
      fileOf({
        dataType: 1,
        dims: [],
        dataLocation: 1,
        externalData: [
          { key: 'location', value: 'w' },
          { key: 'offset', value: '1e3' },
        ],
      }),
      'external offset is "1e3"',
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeModel(bytes, 'm.onnx')).toThrow(InputError);
    expect(() => decodeModel(bytes, 'm.onnx')).toThrow(message);
  });

  it('refuses endless nesting instead of overflowing the stack', () => {
    const wrap = (field: number, bytes: readonly number[]) => [
      field * 8 + 2,
      (bytes.length % 128) + 128,
      ((bytes.length >> 7) % 128) + 128,
      bytes.length >> 14,
      ...bytes,
    ];
    let graph: number[] = [];
    for (let depth = 0; depth < 500; depth++) graph = wrap(1, wrap(5, wrap(6, graph)));
    expect(() => decodeModel(Uint8Array.from(wrap(7, graph)))).toThrow(InputError);
  });
});
