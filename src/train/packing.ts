import { concat, reshape, split, type Tensor } from '../graph/index.ts';
import type { ParameterDeclaration } from '../models/index.ts';
import { decays } from './model.ts';

/** Parameters that lie one after the other in one flat tensor: one optimizer update for all of them. */
export interface Chunk {
  readonly name: string;
  readonly members: readonly ParameterDeclaration[];
  readonly size: number;
  readonly decays: boolean;
}

/** Outputs above 32 MiB cost page faults at every step: 4 Mi floats are 16 MiB. */
const chunkElements = 4 * 1024 * 1024;

/** Packs parameters into few flat tensors, those that weight decay applies to apart from the others. */
export function packParameters(parameters: readonly ParameterDeclaration[], limit = chunkElements): readonly Chunk[] {
  return [true, false].flatMap((decaying) => {
    const groups: ParameterDeclaration[][] = [];
    let size = Number.POSITIVE_INFINITY;
    for (const declaration of parameters.filter((candidate) => decays(candidate) === decaying)) {
      if (size + sizeOf(declaration) > limit) {
        groups.push([]);
        size = 0;
      }
      groups.at(-1)?.push(declaration);
      size += sizeOf(declaration);
    }
    return groups.map((members, i) => ({
      name: `${decaying ? 'decayed' : 'free'}.${i}`,
      members,
      size: members.reduce((total, member) => total + sizeOf(member), 0),
      decays: decaying,
    }));
  });
}

/** The parameters inside of a chunk's flat tensor, by name. */
export function unpackTensors(chunk: Chunk, flat: Tensor): ReadonlyMap<string, Tensor> {
  const pieces = split(flat, 0, chunk.members.map(sizeOf));
  return new Map(
    chunk.members.flatMap((member, i) => {
      const piece = pieces[i];
      return piece === undefined ? [] : [[member.name, reshape(piece, member.shape)] as const];
    }),
  );
}

/** Tensors of the members' shapes as one flat tensor, in the chunk's order. */
export function packTensors(chunk: Chunk, tensors: ReadonlyMap<string, Tensor>): Tensor {
  return concat(
    chunk.members.map((member) => {
      const tensor = tensors.get(member.name);
      if (tensor === undefined) throw new Error(`train: no tensor for ${member.name}`);
      return reshape(tensor, [sizeOf(member)]);
    }),
    0,
  );
}

/** The members' data inside of a chunk's flat data. No copy is made. */
export function unpackData(chunk: Chunk, flat: Float32Array): ReadonlyMap<string, Float32Array> {
  let start = 0;
  return new Map(
    chunk.members.map((member) => {
      start += sizeOf(member);
      return [member.name, flat.subarray(start - sizeOf(member), start)];
    }),
  );
}

/** The number of elements of a parameter. */
export function sizeOf({ shape }: ParameterDeclaration): number {
  return shape.reduce((a, b) => a * b, 1);
}
