import type { DType } from '../../../core/dtype.ts';
import { encode } from '../../../core/encoding.ts';
import { sizeOf } from '../../../core/shape.ts';
import type { OnnxAttribute, OnnxNode, OnnxTensor } from '../../../graph/index.ts';
import type { GraphIndex } from '../graph.ts';

/** Makes the nodes and constants that a graph gets, under names that nothing else has. */
export interface Builder {
  readonly opset: number;
  /** A new node with one output, which is called `output` or gets a name from `near`; returns the output's name. */
  readonly add: (call: NodeCall) => string;
  /** A name that is free, made from another one. */
  readonly name: (near: string) => string;
  /** A constant; those that are equal are one. */
  readonly constant: (dtype: DType, shape: readonly number[], values: readonly number[]) => string;
  /** The mean over one axis, which is kept. */
  readonly mean: (value: string, axis: number, near: string) => string;
  /** The nodes since the last call. */
  readonly take: () => readonly OnnxNode[];
  readonly constants: () => readonly OnnxTensor[];
}

export interface NodeCall {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly near: string;
  readonly output?: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export function createBuilder(index: GraphIndex, opset: number): Builder {
  const taken = new Set<string>();
  const constants = new Map<string, OnnxTensor>();
  let nodes: OnnxNode[] = [];
  const name = (near: string): string => {
    for (let count = 0; ; count++) {
      const free = count === 0 ? `${near}_normlab` : `${near}_normlab_${count}`;
      if (taken.has(free) || index.isTaken(free)) continue;
      taken.add(free);
      return free;
    }
  };
  const add = ({ opType, inputs, near, output, domain, attributes }: NodeCall): string => {
    const made = output ?? name(`${near}_${opType}`);
    nodes.push({
      opType,
      inputs,
      outputs: [made],
      name: name(`${near}_${opType}`),
      ...(domain === undefined ? {} : { domain }),
      ...(attributes === undefined ? {} : { attributes }),
    });
    return made;
  };
  const constant = (dtype: DType, shape: readonly number[], values: readonly number[]): string => {
    const key = JSON.stringify([dtype, shape, values]);
    const known = constants.get(key);
    if (known !== undefined) return known.name;
    const list = values.length === 1 ? Array.from({ length: sizeOf(shape) }, () => values[0] ?? 0) : values;
    const tensor = { name: name('constant'), dtype, shape, data: encode(Float64Array.from(list), dtype) };
    constants.set(key, tensor);
    return tensor.name;
  };
  return {
    opset,
    add,
    name,
    constant,
    mean(value, axis, near) {
      const keepdims: OnnxAttribute = { kind: 'int', value: 1 };
      // From operator set 18 on the axes are an input.
      if (opset >= 18) {
        const inputs = [value, constant('int64', [1], [axis])];
        return add({ opType: 'ReduceMean', inputs, near, attributes: { keepdims } });
      }
      const axes: OnnxAttribute = { kind: 'ints', value: [axis] };
      return add({ opType: 'ReduceMean', inputs: [value], near, attributes: { axes, keepdims } });
    },
    take() {
      const made = nodes;
      nodes = [];
      return made;
    },
    constants: () => [...constants.values()],
  };
}
