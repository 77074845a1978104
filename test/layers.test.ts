import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isTestFile, sourceFiles } from './sources.fixture.ts';

/** The folders of `src/` from the bottom up. Those of one line don't know each other. */
const layers: readonly (readonly string[])[] = [
  ['core'],
  ['norms'],
  ['graph'],
  ['engine'],
  ['checkpoint', 'text'],
  ['models'],
  ['convert', 'bench', 'train', 'evidence'],
  ['report'],
  ['study'],
  ['cli'],
];

const levelOf = (folder: string): number => layers.findIndex((layer) => layer.includes(folder));

interface Crossing {
  readonly from: string;
  readonly folder: string;
  readonly target: string;
  /** The path inside the target folder. */
  readonly door: string;
  readonly test: boolean;
}

/** The imports that leave a folder of `src/`. */
const crossings: readonly Crossing[] = sourceFiles('src').flatMap(({ path, imports }) => {
  const [, folder = '', ...rest] = path.split('/');
  if (rest.length === 0) return [];
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => posix.join(posix.dirname(path), specifier).split('/'))
    .filter(([, target]) => target !== folder)
    .map(([, target = '', ...door]) => ({ from: path, folder, target, door: door.join('/'), test: isTestFile(path) }));
});

describe('the folders of src', () => {
  test('are all layers of the architecture', () => {
    const folders = new Set(crossings.flatMap(({ folder, target }) => [folder, target]));
    expect([...folders].filter((folder) => levelOf(folder) < 0)).toEqual([]);
    expect(crossings.length).toBeGreaterThan(100);
  });

  test('import only from layers below; tests may look up', () => {
    const wrong = crossings.filter(({ folder, target, test: isTest }) => !isTest && levelOf(target) >= levelOf(folder));
    expect(wrong.map(({ from, target }) => `${from} imports ${target}`)).toEqual([]);
  });

  test('are entered through their index.ts, but for core, which has none', () => {
    const inside = crossings.filter(
      ({ target, door, test: isTest }) => !isTest && target !== 'core' && door !== 'index.ts',
    );
    expect(inside.map(({ from, target, door }) => `${from} imports ${target}/${door}`)).toEqual([]);
  });
});
