import { encode } from '../../checkpoint/index.ts';
import type { FloatDType } from '../../core/dtype.ts';
import { InputError } from '../../core/errors.ts';
import { yieldToSignals } from '../../core/interrupt.ts';
import { fillNormals } from '../../core/normals.ts';
import type { Random } from '../../core/random.ts';
import { sizeOf } from '../../core/shape.ts';
import { initialValue } from '../../norms/index.ts';
import type { ParameterDeclaration } from '../layout.ts';
import { kindOf } from '../spec.ts';

/** Elements that are made and written at once. */
const blockElements = 2 ** 20;

export interface ValueOptions {
  readonly dtype: FloatDType;
  /** The standard deviation of what is neither a bias nor a norm's. */
  readonly scale: number;
  /** The stream of the whole model; each parameter takes that of its name. */
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** What training would start a parameter with, as stored bytes, block by block: a function of the seed and its name. */
export async function* initialBytes(
  declaration: ParameterDeclaration,
  options: ValueOptions,
): AsyncGenerator<Uint8Array> {
  const { dtype, scale, signal } = options;
  const constant = constantValue(declaration);
  const stream = options.random.split(declaration.name);
  const block = new Float32Array(Math.min(blockElements, sizeOf(declaration.shape)));
  if (constant !== undefined) block.fill(constant);
  for (let left = sizeOf(declaration.shape); left > 0; left -= block.length) {
    await yieldToSignals(signal);
    const values = left < block.length ? block.subarray(0, left) : block;
    if (constant === undefined) {
      // A whole block also where less is kept, so that where it ends changes nothing.
      fillNormals(block, scale, stream);
      checkRange(values, dtype, scale);
    }
    yield encode(values, dtype);
  }
}

/** What a parameter of a norm starts with, or a bias; the others are drawn. */
function constantValue({ name, part }: ParameterDeclaration): number | undefined {
  if (part.type === 'norm') {
    const parameter = kindOf(part.norm).parameters.find((entry) => name === `${part.name}.${entry.name}`);
    if (parameter === undefined) throw new Error(`models/random: the norm ${part.norm.kind} has no parameter ${name}`);
    return initialValue(parameter, part.width);
  }
  return name.endsWith('.bias') ? 0 : undefined;
}

function checkRange(values: Float32Array, dtype: FloatDType, scale: number): void {
  const limit = dtype === 'float16' ? 65504 : Number.MAX_VALUE;
  if (values.every((value) => Math.abs(value) <= limit)) return;
  throw new InputError(`random: the scale ${scale} gives numbers that ${dtype} can't hold; take a smaller one`);
}
