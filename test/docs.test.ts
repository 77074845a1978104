import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { filesUnder, readText, root } from './sources.fixture.ts';

const pages = [
  ...['README.md', 'CONTRIBUTING.md'].filter((page) => existsSync(`${root}${page}`)),
  ...['docs', 'bench', 'examples']
    .filter((folder) => existsSync(`${root}${folder}`))
    .flatMap((f) => filesUnder(f, /\.md$/)),
];

interface Example {
  readonly page: string;
  readonly line: number;
  readonly code: string;
}

/** The code blocks marked `ts`: what a user of the package would write. */
function examplesOf(page: string): readonly Example[] {
  const text = readText(page);
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(({ index, 1: code = '' }) => ({
    page,
    line: text.slice(0, index).split('\n').length,
    code,
  }));
}

/** The targets of links and pictures, in Markdown and HTML, without code blocks. */
function linksOf(page: string): readonly string[] {
  const text = readText(page).replace(/^```.*?^```$/gms, '');
  const forms = [
    /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g,
    /\b(?:src|srcset|href)="([^"\s]+)"/g,
    /^\[[^\]]+\]:\s+(\S+)/gm,
  ];
  return forms.flatMap((form) => [...text.matchAll(form)].map(([, target = '']) => target));
}

/** The anchors of a page as GitHub makes them from its headings. */
function anchorsOf(page: string): readonly string[] {
  const text = readText(page).replace(/^```.*?^```$/gms, '');
  return [...text.matchAll(/^#+\s+(.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replace(/\s/g, '-'),
  );
}

describe.each(pages)('%s', (page) => {
  test('links only to files and headings that are there', () => {
    const broken = linksOf(page)
      .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
      .filter((target) => {
        const [path = '', anchor] = decodeURIComponent(target).split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(`${root}${file}`)) return true;
        return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor);
      });
    expect(broken).toEqual([]);
  });
});

describe('the examples in the documents', () => {
  const examples = pages.flatMap(examplesOf);

  test('are accepted by the compiler', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'normlab-docs-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await mkdir(join(folder, 'node_modules'));
    await symlink(root, join(folder, 'node_modules/normlab'));
    await symlink(`${root}node_modules/@types`, join(folder, 'node_modules/@types'));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const options = {
      target: 'ES2023',
      lib: ['ES2023'],
      module: 'NodeNext',
      strict: true,
      noEmit: true,
      types: ['node'],
    };
    const compilerOptions = { ...options, skipLibCheck: true, moduleDetection: 'force' };
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    const names = examples.map(({ page, line }) => `${page.replaceAll('/', '_')}_line_${line}.ts`);
    await writeFile(join(folder, 'nothing.ts'), '');
    for (const [i, { code }] of examples.entries()) await writeFile(join(folder, names[i] ?? ''), code);
    const compiler = [`${root}node_modules/typescript/bin/tsc`, '-p', folder, '--pretty', 'false'];
    const { stdout } = await promisify(execFile)(process.execPath, compiler).catch((error: unknown) => {
      if (error instanceof Error && 'stdout' in error) return { stdout: String(error.stdout) };
      throw error;
    });
    expect(stdout.trim().split('\n').filter(Boolean)).toEqual([]);
  });
});
