import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { decodeModel } from '../decode.ts';
import type { OnnxModel } from '../types.ts';

/** The recorded cases of single operators, as `scripts/record_onnx_nodes.py` describes them. */
export function nodeCases(): readonly OnnxModel[] {
  const bytes = gunzipSync(readFileSync(new URL('./fixtures/nodes.bin.gz', import.meta.url)));
  const cases: OnnxModel[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = start + 4 + bytes.readUInt32LE(start);
    cases.push(decodeModel(bytes.subarray(start + 4, end), `case ${cases.length}`));
    start = end;
  }
  return cases;
}
