import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importsOf } from './imports.ts';

/** The repository's root folder, which ends with a slash. */
export const root = fileURLToPath(new URL('../', import.meta.url));

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  /** What it imports, as it is written there. */
  readonly imports: readonly string[];
}

/** What loads a package without an import: `require` in a module, and what a process is started with. */
const otherForms = [
  /\bcreateRequire\([^)]*\)\(\s*['"]([^'"]+)['"]\s*\)/g,
  /\bimport\.meta\.resolve\(\s*['"]([^'"]+)['"]\s*\)/g,
  /['"]--import['"],\s*['"]([^'"]+)['"]/g,
];

/** What a TypeScript or JavaScript text loads, as it is written there. */
export function specifiersOf(text: string): readonly string[] {
  const others = otherForms.flatMap((form) => [...text.matchAll(form)].map(([, specifier = '']) => specifier));
  return [...importsOf(text).map(({ path }) => path), ...others];
}

/** The TypeScript and JavaScript files under folders of the repository. */
export function sourceFiles(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    filesUnder(folder, /\.(ts|mts|js|mjs)$/).map((path) => ({ path, imports: specifiersOf(readText(path)) })),
  );
}

/** The paths of the files under a folder whose names fit, relative to the root, sorted. */
export function filesUnder(folder: string, name: RegExp): readonly string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && name.test(entry.name))
    .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length))
    .filter((path) => !path.includes('/fixtures/') && !path.includes('.tmp.'))
    .sort();
}

export function readText(path: string): string {
  return readFileSync(`${root}${path}`, 'utf8');
}

/** Whether a file is only for tests. */
export function isTestFile(path: string): boolean {
  return path.startsWith('test/') || /\.(test|fixture)\.ts$/.test(path);
}
