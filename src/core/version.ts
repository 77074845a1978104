import { readFileSync } from 'node:fs';

/** The version of the normlab that runs, from its `package.json`. */
export function normlabVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  const contents: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (typeof contents === 'object' && contents !== null && 'version' in contents) return String(contents.version);
  throw new Error(`${file.pathname} has no version`);
}
