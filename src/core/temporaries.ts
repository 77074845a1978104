import { randomBytes } from 'node:crypto';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/**
 * What a hidden sibling of a target is: `partial` is being built, `replaced` is the old one set aside for the moment of
 * the exchange, `discarded` is the old one being deleted.
 */
type Role = 'partial' | 'replaced' | 'discarded';

/** A new hidden name beside `target`, `.<name>.<role>-<process id>-<random>`: same file system, so a rename is atomic. */
export function temporaryPath(target: string, role: Role): string {
  return join(dirname(target), `.${basename(target)}.${role}-${process.pid}-${randomBytes(4).toString('hex')}`);
}

/**
 * Repairs what processes that were killed left beside `target`: a set-aside original goes back to its place where that is
 * empty, everything else of theirs is deleted. What a live process is working on stays.
 */
export async function recoverInterrupted(target: string): Promise<void> {
  for (const { path, role, pid } of await siblings(target)) {
    if (!(await isAbandoned(path, pid))) continue;
    if (role === 'replaced' && !(await exists(target))) await rename(path, target);
    else await rm(path, { recursive: true, force: true });
  }
}

async function siblings(target: string) {
  const folder = dirname(target);
  const prefix = `.${basename(target)}.`;
  const names = await readdir(folder).catch(() => []);
  return names.flatMap((name) => {
    const match = name.startsWith(prefix) && /^(\w+)-(\d+)-[0-9a-f]{8}$/.exec(name.slice(prefix.length));
    if (!match) return [];
    const [, role, pid] = match;
    if (role !== 'partial' && role !== 'replaced' && role !== 'discarded') return [];
    return [{ path: join(folder, name), role, pid: Number(pid) }];
  });
}

async function isAbandoned(path: string, pid: number): Promise<boolean> {
  if (pid !== process.pid) return !isRunning(pid);
  // In containers every run may have the same process id: then only the time tells our own work from an earlier run's.
  const startedMs = Date.now() - process.uptime() * 1000;
  const status = await stat(path).catch(() => undefined);
  return status !== undefined && status.ctimeMs < startedMs;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
