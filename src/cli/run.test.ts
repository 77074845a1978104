import { readFileSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { capture } from './capture.fixture.ts';
import { commands } from './commands/index.ts';

/** A message is one line on stderr that begins with the program's name. */
const oneLine = /^normlab: .+\n$/;

test('the version is that of the package', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await capture('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
});

describe('help', () => {
  test('names every command', async () => {
    const { code, stdout, stderr } = await capture('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^Usage: normlab/);
    expect(stdout.match(/^ {2}\w+ .*$/gm)?.length).toBeGreaterThanOrEqual(commands.length);
  });

  test('every command shows how it is called', async () => {
    const { stdout } = await capture('--help');
    const names = [...(stdout.split('Commands:')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}(\w+)/gm)].map(
      ([, name]) => name,
    );
    expect(names).toContain('verify');
    for (const name of names.filter((name) => name !== 'help')) {
      const help = await capture(name ?? '', '--help');
      expect(help.code).toBe(0);
      expect(help.stdout).toContain(`Usage: normlab ${name}`);
      expect(help.stdout).toMatch(new RegExp(`Examples:\\n(.*\\n)* {2}\\$ normlab ${name} `));
    }
  });

  test('without a command it is shown too, but that is no success', async () => {
    const { code, stdout, stderr } = await capture();
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: normlab/);
  });
});

describe('usage errors are one line and exit code 2', () => {
  test.each<[readonly string[], string]>([
    [['verfy'], "unknown command 'verfy' (Did you mean verify?)"],
    [['--verison'], "unknown option '--verison' (Did you mean --version?)"],
    [['verify'], "missing required argument 'model'"],
    [['verify', 'model'], 'verify: --against <file> is missing'],
    [['verify', 'model', '--agianst', 'x'], "unknown option '--agianst' (Did you mean --against?)"],
    [['verify', 'model', 'other', '--against', 'x'], 'too many arguments'],
    [['verify', 'model', '--against'], 'argument missing'],
    [['verify', 'model', '--against', 'x', '--dtype', 'float16'], 'Allowed choices are float64, float32'],
    [
      ['verify', 'model', '--against', 'x', '--tolerance', 'small'],
      "argument 'small' is invalid. Expected a number from 0.",
    ],
    [['verify', 'model', '--against', 'x', '--tolerance', '-1'], "argument '-1' is invalid"],
    [['verify', 'model', '--against', 'x', '--tolerance', ''], "argument '' is invalid"],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await capture(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain(message);
  });
});

test('anything unforeseen is a bug: a stack, its causes, and exit code 70', async () => {
  const [first] = commands;
  if (first === undefined) throw new Error('there are no commands');
  const broken = vi.spyOn(first, 'register').mockImplementation(() => {
    throw new TypeError('not thought of', { cause: new Error('the root') });
  });
  const { code, stderr } = await capture('--help');
  broken.mockRestore();
  expect(code).toBe(70);
  expect(stderr).toMatch(/a bug in normlab[\s\S]*TypeError: not thought of\n +at [\s\S]*caused by: Error: the root/);
});
