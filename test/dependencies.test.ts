import { isBuiltin } from 'node:module';
import { describe, expect, test } from 'vitest';
import { isTestFile, readText, type SourceFile, sourceFiles, specifiersOf } from './sources.fixture.ts';

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin?: string | Readonly<Record<string, string>>;
}

const manifest: Manifest = JSON.parse(readText('package.json'));
const runtime = Object.keys(manifest.dependencies);
const development = Object.keys(manifest.devDependencies);

/** They have manifests of their own: they are installed outside of the repository when their benchmarks are asked to. */
const separate = ['bench/peers/llama-cpp/', 'bench/peers/transformers-js/'];

const files: readonly SourceFile[] = [
  ...sourceFiles('src', 'bench', 'scripts', 'test', 'bin').filter(
    ({ path }) => !separate.some((folder) => path.startsWith(folder)),
  ),
  { path: 'vitest.config.ts', imports: specifiersOf(readText('vitest.config.ts')) },
];

/** `@scope/name/file` and `name/file` to the package's name. */
function packageOf(specifier: string): string {
  const [first = '', second = ''] = specifier.split('/');
  return first.startsWith('@') ? `${first}/${second}` : first;
}

const isPackage = (specifier: string): boolean => !/^[./]/.test(specifier) && !isBuiltin(specifier);
const packagesOf = (some: readonly SourceFile[]): ReadonlySet<string> =>
  new Set(some.flatMap(({ imports }) => imports.filter(isPackage).map(packageOf)));

/** Whether a script, the type checker's configuration or a shell file of ours uses a tool that nothing imports. */
function isTool(name: string): boolean {
  const { bin = {} }: Manifest = JSON.parse(readText(`node_modules/${name}/package.json`));
  const commands = typeof bin === 'string' ? [packageOf(name)] : Object.keys(bin);
  const lines = Object.values(manifest.scripts);
  if (lines.some((line) => commands.some((command) => new RegExp(`(^|\\s|&)${command}(\\s|$)`).test(line))))
    return true;
  const types: { readonly compilerOptions: { readonly types: readonly string[] } } = JSON.parse(
    readText('tsconfig.json'),
  );
  return types.compilerOptions.types.some((type) => name === `@types/${type}`);
}

describe('docs/dependencies.md', () => {
  const headings = [...readText('docs/dependencies.md').matchAll(/^### `([^`]+)`/gm)].map(([, name]) => name);

  test('has a section for each dependency, and for nothing else', () => {
    expect([...headings].sort()).toEqual([...runtime, ...development].sort());
  });
});

describe('dependencies', () => {
  const product = files.filter(({ path }) => path.startsWith('src/') && !isTestFile(path));

  test.each(runtime)('%s is imported by what is published', (name) => {
    expect(packagesOf(product)).toContain(name);
  });

  test.each(development)('%s is used by a test, a script or a benchmark', (name) => {
    expect(packagesOf(files).has(name) || isTool(name)).toBe(true);
  });

  test('what is published imports nothing but runtime dependencies', () => {
    expect([...packagesOf(product)].filter((name) => !runtime.includes(name))).toEqual([]);
  });

  test('nothing imports a package that package.json does not name', () => {
    const known = new Set([...runtime, ...development, 'normlab']);
    const unknown = files.flatMap(({ path, imports }) =>
      imports
        .filter((specifier) => isPackage(specifier) && !known.has(packageOf(specifier)))
        .map((name) => [path, name]),
    );
    expect(unknown).toEqual([]);
  });

  test.each(separate)('what is installed apart, %s, imports what its own manifest names', (folder) => {
    const own: Pick<Manifest, 'dependencies'> = JSON.parse(readText(`${folder}package.json`));
    expect([...packagesOf(sourceFiles(folder))]).toEqual(Object.keys(own.dependencies));
  });

  test('the search finds every form of import', () => {
    const text = [
      "import a from 'a';",
      "export * from '@b/c/inner';",
      "type D = typeof import('d');",
      "createRequire(import.meta.url)('zod');",
      "import.meta.resolve('vitest');",
      "spawn(node, ['--import', 'tsx']);",
      "const text = 'not from here';",
    ].join('\n');
    expect(specifiersOf(text).map(packageOf).sort()).toEqual(['@b/c', 'a', 'd', 'tsx', 'vitest', 'zod']);
  });
});
