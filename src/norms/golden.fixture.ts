import { readFileSync } from 'node:fs';

interface Entry {
  readonly dtype: string;
  readonly data_offsets: readonly [number, number];
}

const read = (name: string): Buffer => readFileSync(new URL(`fixtures/${name}`, import.meta.url));

/** Every tensor of `norms.safetensors` as float64, by name. */
export function readGoldenTensors(): ReadonlyMap<string, Float64Array> {
  const file = read('norms.safetensors');
  const start = 8 + Number(file.readBigUInt64LE(0));
  const header: Record<string, Entry> = JSON.parse(file.toString('utf8', 8, start));
  const tensors = new Map<string, Float64Array>();
  for (const [name, { dtype, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const bytes = file.subarray(start + data_offsets[0], start + data_offsets[1]);
    const size = dtype === 'F64' ? 8 : 4;
    const value = (_: unknown, i: number) => (size === 8 ? bytes.readDoubleLE(i * 8) : bytes.readFloatLE(i * 4));
    tensors.set(name, Float64Array.from({ length: bytes.length / size }, value));
  }
  return tensors;
}

export interface GoldenCase {
  readonly shape: readonly number[];
  readonly eps: number;
}

/** The cases of `norms.json`, by name. */
export function readGoldenCases(): Readonly<Record<string, GoldenCase>> {
  return JSON.parse(read('norms.json').toString('utf8')).cases;
}
