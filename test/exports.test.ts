import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readText, root } from './sources.fixture.ts';

type Target = string | { readonly types: string; readonly default: string };

const manifest: {
  readonly name: string;
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, Target>>;
} = JSON.parse(readText('package.json'));

const entries = Object.entries(manifest.exports);
const modules = entries.flatMap(([key, target]) => (typeof target === 'string' ? [] : [[key, target] as const]));

test('the package is built', () => {
  expect(existsSync(`${root}dist/index.js`), 'dist/index.js is missing: run npm run build').toBe(true);
});

describe.each(entries)('%s', (_, target) => {
  test('resolves to files that are there', () => {
    const files = typeof target === 'string' ? [target] : [target.types, target.default];
    for (const file of files) expect(existsSync(`${root}${file}`), file).toBe(true);
  });
});

describe.each(modules)('%s', (key, { types }) => {
  const specifier = `${manifest.name}${key.slice(1)}`;

  test('is imported by its published name', async () => {
    const module: object = await import(/* @vite-ignore */ specifier);
    expect(Object.keys(module).length).toBeGreaterThan(0);
  });

  test('has types of its own', () => {
    expect(readText(types.slice(2))).toContain('export');
  });
});

test('every command of the package is there', () => {
  for (const file of Object.values(manifest.bin)) expect(existsSync(`${root}${file}`), file).toBe(true);
});
