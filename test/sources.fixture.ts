import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The repository's root folder, which ends with a slash. */
export const root = fileURLToPath(new URL('../', import.meta.url));

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string;
  /** What it imports, as it is written there. */
  readonly imports: readonly string[];
}

const importForms = [
  /^\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /\bimport(?:\.meta\.resolve)?\(\s*['"]([^'"]+)['"]\s*\)/g,
  /\bcreateRequire\([^)]*\)\(\s*['"]([^'"]+)['"]\s*\)/g,
  /['"]--import['"],\s*['"]([^'"]+)['"]/g,
];

/** What a TypeScript or JavaScript text imports: statically, dynamically, with `require`, or for a process it starts. */
export function importsOf(text: string): readonly string[] {
  return importForms.flatMap((form) => [...text.matchAll(form)].map(([, specifier = '']) => specifier));
}

/** The TypeScript and JavaScript files under folders of the repository. */
export function sourceFiles(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    filesUnder(folder, /\.(ts|mts|js|mjs)$/).map((path) => ({ path, imports: importsOf(readText(path)) })),
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
