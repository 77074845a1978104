import { expect, it } from 'vitest';
import { editModel, encodeModel, type OnnxModel } from './index.ts';

it('takes more nodes than a call takes arguments', () => {
  const count = 200_000;
  const info = (name: string) => ({ name, dtype: 'float32', shape: [1] }) as const;
  const nodes = Array.from({ length: count }, (_, i) => ({ opType: 'Neg', inputs: [`${i}`], outputs: [`${i + 1}`] }));
  const model: OnnxModel = {
    irVersion: 9,
    producerName: 'test',
    opsetImports: [{ domain: '', version: 17 }],
    graph: { name: 'g', nodes, inputs: [info('0')], outputs: [info(`${count}`)], initializers: [] },
  };
  const file = encodeModel(model);
  const graph = {
    nodes: nodes.map((_, kept) => ({ kept })),
    initializers: new Map(),
    added: [],
    keepsValue: () => true,
  };
  const edited = Buffer.concat(editModel(file, { graph }, 'm').map((part) => part as Uint8Array));
  expect(edited.equals(file)).toBe(true);
});
