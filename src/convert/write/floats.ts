/**
 * A config as JSON, in which whole numbers that `source`, the JSON text that it comes from, writes as floats are floats.
 *
 * JavaScript knows only one kind of number and writes 2.0 as 2; configuration classes of transformers refuse the
 * `factor` 2 of a `rope_scaling` as no float. A number is kept as `source` writes it under the same key.
 */
export function configText(config: unknown, source: string): string {
  const written = new Map<string, string>();
  for (const [, key = '', number = ''] of source.matchAll(
    /("(?:[^"\\]|\\.)*")\s*:\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)/g,
  )) {
    if (/[.eE]/.test(number)) written.set(`${key}: ${Number(number)}`, `${key}: ${number}`);
  }
  const text = JSON.stringify(config, null, 2).replace(
    /^(\s*)("(?:[^"\\]|\\.)*": -?\d+)(?=,?$)/gm,
    (_, indent: string, entry: string) => indent + (written.get(entry) ?? entry),
  );
  return `${text}\n`;
}
