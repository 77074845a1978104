import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { InputError } from './errors.ts';
import {
  createFolderAtomically,
  readJson,
  writeAtomically,
  writeFileAtomically,
  writeJsonAtomically,
} from './files.ts';
import { temporaryPath } from './temporaries.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'normlab-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** The id of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
  await once(child, 'exit');
  return child.pid ?? Number.NaN;
}

const leftBy = (pid: number, path: string) => path.replace(`-${process.pid}-`, `-${pid}-`);
const fill = (text: string) => async (folder: string) => {
  await writeFile(join(folder, 'config.json'), text);
};

describe('writeFileAtomically', () => {
  it('writes and replaces, and leaves nothing else', async () => {
    await writeFileAtomically(join(root, 'a.txt'), 'grüße');
    await writeFileAtomically(join(root, 'a.txt'), Uint8Array.of(1, 2));
    expect(await readFile(join(root, 'a.txt'))).toEqual(Buffer.from([1, 2]));
    await writeJsonAtomically(join(root, 'b.json'), { loss: [1.5] });
    expect(await readFile(join(root, 'b.json'), 'utf8')).toBe('{\n  "loss": [\n    1.5\n  ]\n}\n');
    expect(await readdir(root)).toEqual(['a.txt', 'b.json']);
  });

  it('keeps the old file and removes the new one when writing fails', async () => {
    const path = join(root, 'a.txt');
    await writeFile(path, 'old');
    const failing = writeAtomically(path, async (file) => {
      await file.write('half');
      expect(await readdir(root)).toHaveLength(2);
      throw new Error('stopped');
    });
    await expect(failing).rejects.toThrow('stopped');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(root)).toEqual(['a.txt']);
  });

  it('says in one line what the file system refuses', async () => {
    const full = writeAtomically(join(root, 'a'), async () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    await expect(full).rejects.toThrow(
      new InputError(`${join(root, 'a')}: disk full; free some space or write elsewhere`),
    );
    await expect(writeFileAtomically(join(root, 'no', 'a'), '')).rejects.toThrow(
      new InputError(`${join(root, 'no', 'a')}: no such file or folder`),
    );
    await mkdir(join(root, 'folder', 'inside'), { recursive: true });
    await expect(writeFileAtomically(join(root, 'folder'), '')).rejects.toThrow(InputError);
    expect(await readdir(root)).toEqual(['folder']);
  });

  it('takes the place of no pipe or device, also through a link', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await symlink(pipe, join(root, 'link'));
    for (const path of [pipe, join(root, 'link')]) {
      await expect(writeFileAtomically(path, '')).rejects.toThrow(
        new InputError(`${path}: is a device or a pipe, expected a file or nothing`),
      );
    }
    expect((await lstat(pipe)).isFIFO()).toBe(true);
    expect(await readdir(root)).toEqual(['link', 'pipe']);
    await expect(writeFileAtomically('', '')).rejects.toThrow(InputError);
  });

  it('writes what a link leads to, and refuses one that leads nowhere', async () => {
    await mkdir(join(root, 'folder'));
    await writeFile(join(root, 'folder', 'a'), 'old');
    await symlink(join('folder', 'a'), join(root, 'link'));
    await writeFileAtomically(join(root, 'link'), 'new');
    expect((await lstat(join(root, 'link'))).isSymbolicLink()).toBe(true);
    expect(await readFile(join(root, 'folder', 'a'), 'utf8')).toBe('new');
    await symlink('circle', join(root, 'circle'));
    await expect(writeFileAtomically(join(root, 'circle'), '')).rejects.toThrow(InputError);
  });

  it('removes what a killed process left, and nothing of a running one', async () => {
    const path = join(root, 'a.txt');
    const running = leftBy(process.ppid, temporaryPath(path, 'partial'));
    const ended = leftBy(await endedProcess(), temporaryPath(path, 'partial'));
    const ours = temporaryPath(path, 'partial');
    for (const left of [running, ended, ours, join(root, '.a.txt.partial-notes')]) await writeFile(left, '');
    await writeFileAtomically(path, 'new');
    expect(await readdir(root)).toHaveLength(4);
    expect(await readdir(root)).not.toContain(ended.slice(root.length + 1));
  });

  it('tells its own work from an earlier run with the same process id by time', async () => {
    const path = join(root, 'a.txt');
    await writeFile(temporaryPath(path, 'partial'), '');
    const uptime = vi.spyOn(process, 'uptime').mockReturnValue(-60);
    await writeFileAtomically(path, 'new').finally(() => uptime.mockRestore());
    expect(await readdir(root)).toEqual(['a.txt']);
  });
});

describe('readJson', () => {
  it('parses, and names the file in one line where it cannot', async () => {
    const path = join(root, 'config.json');
    await expect(readJson(path)).rejects.toThrow(new InputError(`${path}: no such file or folder`));
    await writeFile(path, '{"hidden_size": 64}');
    expect(await readJson(path)).toEqual({ hidden_size: 64 });
    for (const bad of ['{"a":\n\n1', '', `${'['.repeat(5000)}${']'.repeat(5000)}`, Uint8Array.of(0x22, 0xff, 0x22)]) {
      await writeFile(path, bad);
      const error: unknown = await readJson(path).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(InputError);
      expect(String(error)).toMatch(/^InputError: .*config\.json: not valid JSON: .+$/);
    }
    await writeFile(path, '\u001b[31m');
    const error: unknown = await readJson(path).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain('\u001b');
  });

  it('refuses what is no file of a reasonable size before it reads', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    await expect(readJson(join(root, 'pipe'))).rejects.toThrow('is a device or a pipe, expected a file');
    await symlink('circle', join(root, 'circle'));
    await expect(readJson(join(root, 'circle'))).rejects.toThrow('its links lead in a circle');
    await writeFile(join(root, 'large'), '');
    await truncate(join(root, 'large'), 3 * 2 ** 30);
    await expect(readJson(join(root, 'large'))).rejects.toThrow('at most 100000000 are allowed for JSON');
  });
});

describe('createFolderAtomically', () => {
  it('builds out of sight, then appears whole, with missing parents', async () => {
    const target = join(root, 'new', 'out');
    const result = await createFolderAtomically(target, {}, async (folder) => {
      expect(await readdir(join(root, 'new'))).toEqual([folder.slice(join(root, 'new').length + 1)]);
      await mkdir(join(folder, 'sub'));
      await writeFile(join(folder, 'sub', 'a'), '1');
      return 42;
    });
    expect(result).toBe(42);
    expect(await readdir(join(root, 'new'))).toEqual(['out']);
    expect(await readFile(join(target, 'sub', 'a'), 'utf8')).toBe('1');
  });

  it('fills an empty folder, refuses a full one, replaces it with force', async () => {
    const target = join(root, 'out');
    await mkdir(target);
    await createFolderAtomically(target, {}, fill('old'));
    await writeFile(join(target, 'more'), '');
    const again = createFolderAtomically(target, {}, () => expect.unreachable());
    await expect(again).rejects.toThrow(new InputError(`${target} exists; use --force to replace it`));
    await createFolderAtomically(target, { force: true }, fill('new'));
    expect(await readdir(target)).toEqual(['config.json']);
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('new');
    expect(await readdir(root)).toEqual(['out']);
  });

  it('does not replace what is no checkpoint, a file, or the current folder, not even with force', async () => {
    const target = join(root, 'thesis');
    await mkdir(target);
    await writeFile(join(target, 'chapter1.tex'), '');
    const build = () => expect.unreachable();
    await expect(createFolderAtomically(target, { force: true }, build)).rejects.toThrow('holds no config.json');
    await expect(createFolderAtomically(join(target, 'chapter1.tex'), { force: true }, build)).rejects.toThrow(
      'is a file',
    );
    await expect(createFolderAtomically('.', { force: true }, build)).rejects.toThrow('current folder');
    await expect(createFolderAtomically('..', { force: true }, build)).rejects.toThrow('current folder');
    await createFolderAtomically(target, { force: true, marker: 'chapter1.tex' }, fill('new'));
    expect(await readdir(target)).toEqual(['config.json']);
  });

  it('leaves everything as it was when building fails', async () => {
    const target = join(root, 'out');
    await createFolderAtomically(target, {}, fill('old'));
    const failing = createFolderAtomically(target, { force: true }, async (folder) => {
      await fill('half')(folder);
      throw new InputError('no such tensor');
    });
    await expect(failing).rejects.toThrow(new InputError('no such tensor'));
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('old');
    expect(await readdir(root)).toEqual(['out']);
  });

  it('does not overwrite what appeared while it was building', async () => {
    const target = join(root, 'out');
    const late = createFolderAtomically(target, {}, async (folder) => {
      await fill('mine')(folder);
      await mkdir(target);
      await fill('theirs')(target);
    });
    await expect(late).rejects.toThrow('exists; use --force');
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('theirs');
    expect(await readdir(root)).toEqual(['out']);
  });

  it('names the files of the target where one of them can’t be written, also as a copy', async () => {
    const target = join(root, 'out');
    const full = (fields: object) => Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', ...fields });
    const writing = createFolderAtomically(target, {}, (folder) =>
      writeAtomically(join(folder, 'a'), async () => {
        throw full({});
      }),
    );
    await expect(writing).rejects.toThrow(`${join(target, 'a')}: disk full`);
    const copying = createFolderAtomically(target, {}, async (folder) => {
      throw full({ path: join(root, 'source', 'b'), dest: join(folder, 'b') });
    });
    await expect(copying).rejects.toThrow(`${join(target, 'b')}: disk full`);
    expect(await readdir(root)).toEqual([]);
    await expect(createFolderAtomically('', {}, () => expect.unreachable())).rejects.toThrow('is empty');
  });

  it('follows a link to a folder and refuses a dangling one', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    await createFolderAtomically(join(root, 'link'), {}, fill('new'));
    expect(await readdir(join(root, 'real'))).toEqual(['config.json']);
    await symlink(join(root, 'nowhere'), join(root, 'dangling'));
    await expect(createFolderAtomically(join(root, 'dangling'), {}, fill(''))).rejects.toThrow(
      'is a link to something',
    );
  });

  it('puts back the folder that a killed process had set aside', async () => {
    const target = join(root, 'out');
    const pid = await endedProcess();
    await createFolderAtomically(target, {}, fill('old'));
    await rename(target, leftBy(pid, temporaryPath(target, 'replaced')));
    await mkdir(leftBy(pid, temporaryPath(target, 'partial')));
    await mkdir(leftBy(pid, temporaryPath(target, 'discarded')));
    await expect(createFolderAtomically(target, {}, fill('new'))).rejects.toThrow('exists; use --force');
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('old');
    expect(await readdir(root)).toEqual(['out']);
  });

  it('removes the set-aside folder where the new one had already taken its place', async () => {
    const target = join(root, 'out');
    const replaced = leftBy(await endedProcess(), temporaryPath(target, 'replaced'));
    await createFolderAtomically(target, {}, fill('new'));
    await mkdir(replaced);
    await fill('old')(replaced);
    await createFolderAtomically(target, { force: true }, fill('newer'));
    expect(await readFile(join(target, 'config.json'), 'utf8')).toBe('newer');
    expect(await readdir(root)).toEqual(['out']);
  });

  it('removes the hidden folder when the process exits, and after a kill at the next call', async () => {
    const target = join(root, 'out');
    const endBy = async (end: string) => {
      const script = `import { createFolderAtomically } from ${JSON.stringify(import.meta.resolve('./files.ts'))};
        import { writeFileSync } from 'node:fs';
        createFolderAtomically(${JSON.stringify(target)}, {}, async (folder) => {
          writeFileSync(folder + '/config.json', 'half');
          ${end};
          await new Promise(() => {});
        });`;
      const path = join(root, 'child.mts');
      await writeFile(path, script);
      const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), path], { stdio: 'ignore' });
      await once(child, 'exit');
      await rm(path);
      return readdir(root);
    };
    expect(await endBy('process.exit(130)')).toEqual([]);
    expect(await endBy('process.kill(process.pid, "SIGKILL")')).toHaveLength(1);
    await createFolderAtomically(target, {}, fill('new'));
    expect(await readdir(root)).toEqual(['out']);
  });
});
