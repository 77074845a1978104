import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { importsOf } from './imports.ts';
import { importViolations } from './layers.ts';

const root = join(import.meta.dirname, '..');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => /\.[cm]?tsx?$/.test(file))
  .sort();

const names = z.record(z.string(), z.string());
const manifest = z
  .object({ dependencies: names, devDependencies: names })
  .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
const dependencies = {
  runtime: new Set(Object.keys(manifest.dependencies)),
  development: new Set(Object.keys(manifest.devDependencies)),
};

describe('src/', () => {
  it('imports go down the layers only, and through the doors', () => {
    const violations = sources.flatMap((file) =>
      importViolations(file, readFileSync(join(root, 'src', file), 'utf8'), dependencies),
    );
    expect(violations).toEqual([]);
  });

  it('is read', () => {
    const count = sources.reduce(
      (sum, file) => sum + importsOf(readFileSync(join(root, 'src', file), 'utf8')).length,
      0,
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(count).toBeGreaterThan(300);
  });
});

describe('importsOf', () => {
  const pathsOf = (source: string) => importsOf(source).map(({ path }) => path);

  it.each([
    ["import { a } from './a.ts';", './a.ts'],
    ["import type { A } from '../a.ts';", '../a.ts'],
    ["import {\n  a,\n  type B,\n} from './a.ts';", './a.ts'],
    ["import a, * as b from './a.ts';", './a.ts'],
    ["import './a.ts';", './a.ts'],
    ["export * from './a.ts';", './a.ts'],
    ["export type * from './a.ts';", './a.ts'],
    ["export { a as default } from './a.ts';", './a.ts'],
    ["const a = await import('./a.ts');", './a.ts'],
    ["type A = typeof import('./a.ts');", './a.ts'],
    ["new Worker(new URL('./a.ts', import.meta.url));", './a.ts'],
    ["import.meta.resolve('./a.ts');", './a.ts'],
    ['import { a } from "./a.ts"', './a.ts'],
    ["const s = 1 / 2; import { a } from './a.ts'; // 1 / 2", './a.ts'],
    ["const q = /['\"`]/g; import { a } from './a.ts';", './a.ts'],
    ["const q = [/[/'\"]/.test(x)]; import { a } from './a.ts';", './a.ts'],
    [`const t = \`it's \${a ? \`"\${b}"\` : {}} /* \`; import { a } from "./a.ts";`, './a.ts'],
    [`const t = \`\${await import('./a.ts')}\`;`, './a.ts'],
    ["const t = '// no comment'; import { a } from './a.ts';", './a.ts'],
    ["const t = 'it\\'s'; import { a } from './a.ts';", './a.ts'],
  ])('%s', (source, path) => {
    expect(pathsOf(source)).toEqual([path]);
  });

  it.each([
    "// import { a } from './a.ts';",
    "/* import { a } from './a.ts'; */",
    "/**\n * import { a } from './a.ts'\n */",
    'const text = "import { a } from \'./a.ts\';";',
    "const script = `import { a } from './a.ts';`;",
    "export const a = Array.from('abc');",
    "const important = { from: './a.ts' };",
    "readFileSync(new URL('./fixtures/model.onnx', import.meta.url));",
  ])('nothing in: %s', (source) => {
    expect(pathsOf(source)).toEqual([]);
  });

  it('counts lines', () => {
    const source =
      "/* two\nlines */\nimport { a } from './a.ts';\nconst t = `\n\n`;\nexport {\n  b,\n} from './b.ts';\n";
    expect(importsOf(source)).toEqual([
      { path: './a.ts', line: 3 },
      { path: './b.ts', line: 9 },
    ]);
  });
});

describe('importViolations', () => {
  const check = (file: string, path: string) => importViolations(file, `import { a } from '${path}';`, dependencies);

  it.each([
    ['graph/ops/norm.ts', '../../norms/index.ts'],
    ['graph/ops/norm.ts', '../tensor.ts'],
    ['graph/ops/norm.ts', '../../core/shape.ts'],
    ['norms/dyt.ts', '../core/statistics/index.ts'],
    ['models/load.ts', '../checkpoint/safetensors/index.ts'],
    ['models/load.ts', '../text/index.ts'],
    ['study/run.ts', '../report/index.ts'],
    ['cli/main.ts', '../study/index.ts'],
    ['cli/main.ts', '../server/index.ts'],
    ['index.ts', './cli/index.ts'],
    ['engine/cpu.ts', 'node:fs'],
    ['engine/cpu.ts', 'onnxruntime-node'],
    ['graph/a.test.ts', 'vitest'],
    ['graph/a.test.ts', '../engine/index.ts'],
    ['graph/a.test.ts', './ops/cases.fixture.ts'],
  ])('%s may import %s', (file, path) => {
    expect(check(file, path)).toEqual([]);
  });

  it.each([
    ['engine/cpu.ts', '../models/index.ts', 'models/ lies above engine/'],
    ['core/shape.ts', '../norms/index.ts', 'norms/ lies above core/'],
    ['report/html.ts', '../study/index.ts', "report/ and study/ are of one layer and don't know each other"],
    ['train/run.ts', '../convert/index.ts', "train/ and convert/ are of one layer and don't know each other"],
    ['text/corpus.ts', '../checkpoint/index.ts', "text/ and checkpoint/ are of one layer and don't know each other"],
    ['engine/cpu.ts', '../graph/emit.ts', 'it reaches into graph/; import graph/index.ts'],
    ['models/load.ts', '../graph/onnx/index.ts', 'it reaches into graph/; import graph/index.ts'],
    ['graph/a.test.ts', '../engine/cpu.ts', 'it reaches into engine/; import engine/index.ts'],
    ['graph/a.test.ts', '../norms/sample.fixture.ts', 'it reaches into norms/; import norms/index.ts'],
    ['graph/emit.ts', './ops/cases.fixture.ts', 'only tests import tests and fixtures'],
    ['graph/emit.ts', '../index.ts', 'only package.json points to src/index.ts'],
    ['graph/emit.ts', '../../test/layers.ts', 'it is outside of src/'],
    ['models/load.ts', '../util/index.ts', 'util/ is in no layer; name it in test/layers.ts'],
    ['util/a.ts', '../core/shape.ts', 'util/ is in no layer; name it in test/layers.ts'],
    ['version.ts', './core/shape.ts', 'only index.ts lies in src/ itself'],
    ['core/shape.ts', 'vitest', 'vitest is a development dependency, and this file is published'],
    ['core/shape.ts', '@jax-js/jax/deep', '@jax-js/jax is a development dependency, and this file is published'],
    ['core/shape.ts', 'left-pad', 'left-pad is no dependency in package.json'],
  ])('%s may not import %s', (file, path, reason) => {
    expect(check(file, path)).toEqual([`src/${file}:1 imports ${path}: ${reason}`]);
  });
});
