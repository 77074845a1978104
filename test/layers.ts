import { posix } from 'node:path';
import { importsOf } from './imports.ts';

/** The parts of `src/` from the highest layer to the lowest. Parts of one layer don't know each other. */
const layers: readonly (readonly string[])[] = [
  ['cli', 'server', 'web'],
  ['study', 'report'],
  ['convert', 'bench', 'train', 'evidence', 'generate'],
  ['models'],
  ['checkpoint', 'text'],
  ['engine'],
  ['graph'],
  ['norms'],
  ['core'],
];

/** Where a part composes another one of its layer. */
const sideways: ReadonlySet<string> = new Set(['study → report', 'cli → server']);

/** Doors beside each part's own `index.ts`: those that `package.json` publishes. */
const innerDoors: ReadonlySet<string> = new Set(['checkpoint/safetensors/index.ts']);

export interface Dependencies {
  /** Packages that the published code may import. */
  readonly runtime: ReadonlySet<string>;
  /** Packages that only tests may import. */
  readonly development: ReadonlySet<string>;
}

/** What is wrong with a source file's imports: lines of `file:line imports X: reason`. `file` is relative to `src/`. */
export function importViolations(file: string, source: string, dependencies: Dependencies): readonly string[] {
  return importsOf(source).flatMap(({ path, line }) => {
    const reason = path.startsWith('.')
      ? relativeImportProblem(file, posix.join(posix.dirname(file), path))
      : packageImportProblem(file, path, dependencies);
    return reason === undefined ? [] : [`src/${file}:${line} imports ${path}: ${reason}`];
  });
}

function relativeImportProblem(file: string, target: string): string | undefined {
  if (target.startsWith('..')) return 'it is outside of src/';
  const own = partOf(file);
  const other = partOf(target);
  const test = isTestFile(file);
  if (!test && isTestFile(target)) return 'only tests import tests and fixtures';
  if (own === other) return undefined;
  if (other === undefined) return 'only package.json points to src/index.ts';
  const otherLayer = layerOf(other);
  if (otherLayer < 0) return `${other}/ is in no layer; name it in test/layers.ts`;
  if (own !== undefined) {
    const ownLayer = layerOf(own);
    if (ownLayer < 0) return `${own}/ is in no layer; name it in test/layers.ts`;
    // A test may run what it tests on a part above, an op on the engine for instance.
    if (!test && otherLayer < ownLayer) return `${other}/ lies above ${own}/`;
    if (!test && otherLayer === ownLayer && !sideways.has(`${own} → ${other}`)) {
      return `${own}/ and ${other}/ are of one layer and don't know each other`;
    }
  } else if (file !== 'index.ts') {
    return 'only index.ts lies in src/ itself';
  }
  const throughDoor = target === `${other}/index.ts` || innerDoors.has(target) || other === 'core';
  if (!throughDoor || isTestFile(target)) return `it reaches into ${other}/; import ${other}/index.ts`;
  return undefined;
}

function packageImportProblem(file: string, path: string, dependencies: Dependencies): string | undefined {
  if (path.startsWith('node:')) return undefined;
  const name = path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/');
  if (dependencies.runtime.has(name)) return undefined;
  if (!dependencies.development.has(name)) return `${name} is no dependency in package.json`;
  return isTestFile(file) ? undefined : `${name} is a development dependency, and this file is published`;
}

/** The folder of `src/` that a file lies in; undefined for `src/` itself. */
function partOf(file: string): string | undefined {
  const [first, ...rest] = file.split('/');
  return rest.length === 0 ? undefined : first;
}

function layerOf(part: string): number {
  return layers.findIndex((parts) => parts.includes(part));
}

function isTestFile(file: string): boolean {
  return /\.(?:test|fixture)\.ts$/.test(file);
}
