/**
 * Compiles the arithmetic of conversions to WebAssembly and writes it as a module of TypeScript, which `tsc`, `tsx` and vitest
 * take as it is:
 *
 *   npm run build:kernel
 *
 * A test fails where the module is not what the source compiles to.
 */
import { writeFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = fileURLToPath(new URL('../src/convert/kernel/', import.meta.url));

/** What module.ts has to be. */
export async function kernelModule(): Promise<string> {
  let wasm: Uint8Array | undefined;
  const options = ['--outFile', 'kernel.wasm', '--runtime', 'stub', '--noAssert', '-O3', '--enable', 'simd'];
  const { error, stderr } = await asc.main(['kernel.as.ts', '--baseDir', folder, ...options], {
    writeFile(_name, contents) {
      wasm = typeof contents === 'string' ? undefined : contents;
    },
  });
  if (error !== null || wasm === undefined) throw new Error(`kernel.as.ts does not compile:\n${stderr.toString()}`);
  const lines = Buffer.from(wasm)
    .toString('base64')
    .replace(/.{1,116}/g, '  $&\n');
  return `/** kernel.as.ts as WebAssembly, in base64: \`npm run build:kernel\` writes this file. */\nexport const kernelBase64 = \`\n${lines}\`;\n`;
}

if (argv[1] === fileURLToPath(import.meta.url)) await writeFile(`${folder}module.ts`, await kernelModule());
