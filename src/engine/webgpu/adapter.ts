import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { messageOf } from '../../core/errors.ts';
import { encodeModel } from '../../graph/index.ts';

/** Whether WebGPU works in this environment. */
export type AdapterSearch =
  | {
      readonly found: true;
      /** As the Vulkan driver names it; null on systems without Vulkan and with loaders that don't say. */
      readonly name: string | null;
    }
  | {
      readonly found: false;
      /** One line: what is missing, and how to get it. */
      readonly reason: string;
    };

/** Shaders of a software driver are compiled in it; a driver that hangs doesn't end by itself. */
const limitMs = 60_000;

/**
 * Tries WebGPU out in a child process: it multiplies two matrices of 4 × 4.
 *
 * A process of its own because a broken driver aborts the process, and because what Dawn and the Vulkan loader know, the
 * adapter's name and why there is none, they write to standard error and nowhere else.
 * @param env the child's environment, which says where Vulkan's loader and drivers are. Default: this process's
 */
export async function findAdapter(env: NodeJS.ProcessEnv = process.env): Promise<AdapterSearch> {
  const child = fork(fileURLToPath(new URL('./probe.mjs', import.meta.url)), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    serialization: 'advanced',
    env: { ...env, VK_LOADER_DEBUG: 'error,warn,driver' },
    execArgv: [],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  let log = '';
  let message: ProbeMessage | undefined;
  child.stderr?.on('data', (text: Buffer) => {
    log += text.toString();
  });
  child.on('message', (received) => {
    message = messageSchema.parse(received);
  });
  const failure = await new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(`can't be tried out in a child process: ${messageOf(error)}`));
    child.once('close', () => resolve(undefined));
    // A child that has died already is told by its end.
    child.send(matrixProduct(), () => undefined);
  });
  if (failure !== undefined) return { found: false, reason: failure };
  return judge({ message, log, end: child.signalCode ?? `exit code ${child.exitCode}` });
}

function matrixProduct(): Uint8Array {
  const square = { dtype: 'float32', shape: [4, 4] } as const;
  return encodeModel({
    irVersion: 10,
    producerName: 'normlab',
    opsetImports: [{ domain: '', version: 21 }],
    graph: {
      name: 'probe',
      nodes: [{ opType: 'MatMul', inputs: ['x', 'x'], outputs: ['y'] }],
      inputs: [{ name: 'x', ...square }],
      outputs: [{ name: 'y', ...square }],
      initializers: [],
    },
  });
}

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('works') }),
  z.object({ kind: z.literal('unsupported') }),
  z.object({ kind: z.literal('failed'), message: z.string() }),
]);
/** What the child says before it ends. */
export type ProbeMessage = z.infer<typeof messageSchema>;

export interface ProbeOutcome {
  /** Undefined where the child died before it could say anything. */
  readonly message: ProbeMessage | undefined;
  /** What Dawn and the Vulkan loader wrote to standard error. */
  readonly log: string;
  /** The signal or exit code that ended the child. */
  readonly end: string;
}

const withoutGpu =
  "without a GPU Debian's chromium package has a software driver: apt-get install chromium, then " +
  'VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json LD_LIBRARY_PATH=/usr/lib/chromium before the command';
const driverPackages = "the GPU's Vulkan driver (mesa-vulkan-drivers, or NVIDIA's)";

/** What a child's end says about WebGPU. */
export function judge({ message, log, end }: ProbeOutcome): AdapterSearch {
  if (message?.kind === 'works') return { found: true, name: adapterName(log) };
  return { found: false, reason: message === undefined ? crashed(end, log) : missing(message, log) };
}

function missing(message: Exclude<ProbeMessage, { kind: 'works' }>, log: string): string {
  if (message.kind === 'unsupported') {
    return `is not in onnxruntime-node for ${process.platform}-${process.arch}`;
  }
  if (!message.message.includes('adapter')) return `fails: ${oneLine(message.message)}`;
  const [, file] = /Failed to open JSON file (.+)/.exec(log) ?? [];
  if (log.includes("Couldn't load Vulkan")) {
    return `finds no adapter: there is no Vulkan loader (libvulkan.so.1). Install libvulkan1 and ${driverPackages}; ${withoutGpu}`;
  }
  if (file !== undefined) {
    return `finds no adapter: VK_DRIVER_FILES names ${file.trim()}, which can't be opened. Install ${driverPackages}; ${withoutGpu}`;
  }
  if (log.includes('Found no drivers')) {
    return `finds no adapter: the Vulkan loader knows no driver. Install ${driverPackages}; ${withoutGpu}`;
  }
  return `finds no adapter. Install ${driverPackages}; ${withoutGpu}`;
}

function crashed(end: string, log: string): string {
  if (end === 'SIGKILL') return `didn't multiply two matrices within ${limitMs / 1000} s; is the driver at fault?`;
  // Node ends what it says about an uncaught error with its own version.
  const lines = log.trim().split('\n');
  const last = lines.find((line) => /^\w*Error\b/.test(line)) ?? lines.at(-1) ?? '';
  return `crashes in the driver or in ONNX Runtime (${end}) when it multiplies two matrices: ${oneLine(last) || 'it says nothing'}`;
}

/** From the loader's `Using "SwiftShader Device (Subzero)" with driver: "…"`, written when a device is made. */
function adapterName(log: string): string | null {
  return [...log.matchAll(/Using "([^"]+)" with driver/g)].at(-1)?.[1] ?? null;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
