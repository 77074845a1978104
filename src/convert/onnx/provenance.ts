import type { OnnxModel } from '../../graph/index.ts';
import type { Provenance } from '../provenance.ts';

/** The properties of a model file that say where it came from. */
const keys = { target: 'normlab.converted', version: 'normlab.version', source: 'normlab.source' } as const;

/** What a converted file says of itself. */
export function provenanceMetadata(target: string, version: string, sourceSha256: string): Record<string, string> {
  return { [keys.target]: target, [keys.version]: version, [keys.source]: sourceSha256 };
}

/** What a file says of the conversion that it came from; undefined where there was none. */
export function onnxProvenance({ metadata = {} }: OnnxModel): Provenance | undefined {
  const read = (key: string) => (Object.hasOwn(metadata, key) ? (metadata[key] ?? null) : null);
  const target = read(keys.target);
  if (target === null) return undefined;
  return { target, folded: false, version: read(keys.version), sourceSha256: read(keys.source) };
}
