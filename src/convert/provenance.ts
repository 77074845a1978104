/** What a folder's config says of the conversion that it came from. */
export interface Provenance {
  /** What it was converted to: `rmsnorm`, `crmsnorm`; null where its norms are what they were. */
  readonly target: string | null;
  /** Whether the norms' weights went into the next linears. */
  readonly folded: boolean;
  /** normlab's version. */
  readonly version: string | null;
  /** The sha256 that the certificate has for the source. */
  readonly sourceSha256: string | null;
}

/** Reads the key `normlab` of a config, which a conversion writes; undefined where there was none. */
export function provenanceOf(config: Readonly<Record<string, unknown>>): Provenance | undefined {
  const key = config.normlab;
  if (typeof key !== 'object' || key === null) return undefined;
  const folded = 'folded' in key && key.folded === true;
  if (!('converted' in key) && !folded) return undefined;
  return {
    target: 'converted' in key ? String(key.converted) : null,
    folded,
    version: 'version' in key && typeof key.version === 'string' ? key.version : null,
    sourceSha256: 'source' in key && typeof key.source === 'string' ? key.source : null,
  };
}

/** `by normlab 1.2.3 from the source with sha256 0123456789ab…`, as far as it is known. */
export function originText({ version, sourceSha256 }: Provenance): string {
  const by = version === null ? 'by normlab' : `by normlab ${version}`;
  return sourceSha256 === null ? by : `${by} from the source with sha256 ${sourceSha256.slice(0, 12)}…`;
}
