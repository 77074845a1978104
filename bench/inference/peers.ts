import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { InputError, messageOf } from '../../src/core/errors.ts';
import type { PeerCommand } from './peer.ts';
import type { Weights } from './weights.ts';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export interface PeerSetting {
  readonly weights: Weights;
  readonly threads: number;
  readonly context: number;
}

/** normlab in a process of its own, as its peers. */
export function normlabPeer({ weights, threads, context }: PeerSetting): PeerCommand {
  const args = ['--import', 'tsx', here('worker.ts'), weights.folder, String(threads), String(context)];
  return { name: 'normlab', command: process.execPath, args, cwd: here('../..') };
}

/** llama.cpp as it was installed in `cache`. */
export function llamaCppPeer(
  cache: string,
  { weights, threads, context }: PeerSetting,
  flashAttention: 'auto' | 'off',
): PeerCommand {
  const folder = llamaCppFolder(cache);
  const args = [join(folder, 'worker.mjs'), weights.gguf, String(threads), String(context), flashAttention];
  return { name: 'llama.cpp', command: process.execPath, args, cwd: folder };
}

/** PyTorch with transformers, from a Python that has both. */
export function transformersPeer(python: string, { weights, threads }: PeerSetting): PeerCommand {
  const args = [here('../peers/inference_transformers.py'), weights.folder, String(threads)];
  return { name: 'PyTorch', command: python, args };
}

/** Outside of the repository's own packages: with its graphics backends it would take hundreds of megabytes. */
function llamaCppFolder(cache: string): string {
  return join(cache, 'llama-cpp');
}

/** Whether llama.cpp is installed in `cache`; its files are brought up to date. */
export async function hasLlamaCpp(cache: string): Promise<boolean> {
  const folder = llamaCppFolder(cache);
  if (!existsSync(join(folder, 'node_modules', '@node-llama-cpp', platformName()))) return false;
  await copyFile(here('../peers/llama-cpp/worker.mjs'), join(folder, 'worker.mjs'));
  return true;
}

function platformName(): string {
  const names: Readonly<Record<string, string>> = { darwin: 'mac', win32: 'win' };
  const name = `${names[process.platform] ?? process.platform}-${process.arch}`;
  return name === 'mac-arm64' ? 'mac-arm64-metal' : name;
}

/** Installs node-llama-cpp with the one library for this machine's processor from npm, about 85 MB. */
export async function installLlamaCpp(cache: string): Promise<void> {
  const folder = llamaCppFolder(cache);
  await mkdir(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', 'worker.mjs']) {
    await copyFile(here(`../peers/llama-cpp/${file}`), join(folder, file));
  }
  const manifest: { readonly dependencies: Readonly<Record<string, string>> } = JSON.parse(
    await readFile(join(folder, 'package.json'), 'utf8'),
  );
  const library = `@node-llama-cpp/${platformName()}@${manifest.dependencies['node-llama-cpp']}`;
  const options = ['--no-save', '--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  try {
    await promisify(execFile)('npm', ['install', ...options, library], { cwd: folder });
  } catch (error) {
    throw new InputError(
      `bench: llama.cpp could not be installed in ${folder}: ${messageOf(error).replace(/\s+/g, ' ').slice(0, 400)}`,
      { cause: error },
    );
  }
}
