import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lengthViolation, wordViolations } from './house.ts';

const root = join(import.meta.dirname, '..');

/** Tracked and new files, by their paths; deleted ones and those with a NUL byte, which are no text, are left out. */
const texts = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\0')
  .filter((file) => file !== '' && existsSync(join(root, file)))
  .flatMap((file) => {
    const bytes = readFileSync(join(root, file));
    return bytes.includes(0) ? [] : [{ file, text: bytes.toString('utf8') }];
  });

describe('the repository', () => {
  it('has files to check', () => {
    expect(texts.map(({ file }) => file)).toEqual(expect.arrayContaining(['package.json', 'src/core/shape.ts']));
  });

  it('has no source file that is long without a reason', () => {
    const sources = texts.filter(({ file }) => file.startsWith('src/') && file.endsWith('.ts'));
    expect(sources.flatMap(({ file, text }) => lengthViolation(file, text) ?? [])).toEqual([]);
  });

  it('holds no words of the place where it was made', () => {
    expect(texts.flatMap(({ file, text }) => wordViolations(file, text))).toEqual([]);
  });
});

describe('lengthViolation', () => {
  const long = 'const a = 1;\n'.repeat(501);
  it('takes 500 lines, and more with a reason', () => {
    expect(lengthViolation('a.ts', 'x\n'.repeat(500))).toBeUndefined();
    expect(lengthViolation('a.ts', `// This file is long because it is one table.\n${long}`)).toBeUndefined();
    expect(lengthViolation('a.ts', `/**\n * Long because it is one table.\n */\n${long}`)).toBeUndefined();
  });

  it('refuses more without one', () => {
    expect(lengthViolation('a.ts', long)).toMatch('a.ts has 501 lines, more than 500');
    expect(lengthViolation('a.ts', `const text = 'long because';\n${long}`)).toMatch('502 lines');
  });
});

describe('wordViolations', () => {
  it('names the line and the word', () => {
    const word = ['Hel', 'per'].join('');
    const host = ['pypi.', 'org'].join('');
    expect(wordViolations('a.md', `fine\nA ${word}s' list from https://${host}/simple\n`)).toEqual([
      `a.md:2 holds ${word.toLowerCase()}`,
      `a.md:2 holds ${host}`,
    ]);
    expect(wordViolations('a.md', 'work, network/, helping, a session\n')).toEqual([]);
  });
});
