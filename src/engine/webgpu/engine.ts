import { InputError, messageOf, RefusalError } from '../../core/errors.ts';
import { formatShape } from '../../core/shape.ts';
import { loadOnnxRuntime, type OnnxRuntime } from '../onnxruntime.ts';
import { createOrtSession } from '../session.ts';
import type { Engine, EngineOptions, EngineTensor, Placement, Session } from '../types.ts';
import { findAdapter } from './adapter.ts';
import { webgpuConfig } from './config.ts';
import { placementOf, refuseFallback, refuseWrongKernels } from './placement.ts';

/**
 * ONNX Runtime's WebGPU provider (Dawn, which comes inside of the package), in float32.
 *
 * A session's first run is profiled, and it throws a RefusalError that names the nodes that compute from floats and fell
 * back to the CPU, but for the loss, or one whose kernel is known to be wrong. Inputs without elements are refused. A session made with `profile` is checked when its profile is asked for. `threads` counts for
 * the nodes that lie on the CPU.
 * @throws InputError, one line, where no adapter is found, or where the driver crashes
 */
export async function webgpuEngine(): Promise<Engine> {
  const adapter = await findAdapter();
  if (!adapter.found) throw new InputError(`engine: WebGPU ${adapter.reason}`);
  const ort = loadOnnxRuntime();
  const device = adapter.name ?? undefined;
  return {
    name: 'webgpu',
    ...(device !== undefined && { device }),
    versions: { onnxruntime: ort.env.versions.node ?? ort.env.versions.common },
    createSession: (model, options) => createWebgpuSession(ort, model, options, { device }),
  };
}

export interface WebgpuSessionContext {
  /** Named where the adapter can't run a model. */
  readonly device?: string | undefined;
  /** Nodes to be computed on the CPU all the same: for tests of what notices it. */
  readonly forceCpuNodeNames?: readonly string[];
}

/** A session on WebGPU, in an environment that has an adapter. */
export async function createWebgpuSession(
  ort: OnnxRuntime,
  model: Uint8Array,
  options: EngineOptions = {},
  { device = 'this adapter', forceCpuNodeNames }: WebgpuSessionContext = {},
): Promise<Session> {
  const config = webgpuConfig(forceCpuNodeNames);
  const session = await explained(device, () => createOrtSession(ort, model, { ...options, profile: true }, config));
  let placement: Placement | undefined;
  const profileAndCheck = async () => {
    const profile = await session.profile();
    placement = placementOf(profile.nodes);
    refuseFallback(profile.nodes);
    refuseWrongKernels(profile.nodes);
    return profile;
  };
  let firstRun: Promise<unknown> | undefined;
  return {
    ...session,
    async run(feeds, fetches) {
      refuseEmpty(feeds);
      const outputs = await explained(device, () => session.run(feeds, fetches));
      if (options.profile) return outputs;
      firstRun ??= profileAndCheck();
      await firstRun;
      return outputs;
    },
    async profile() {
      if (!options.profile) throw new Error('engine: nothing to profile. Create the session with profile: true');
      return profileAndCheck();
    },
    placement: () => placement,
  };
}

/** The provider's kernels refuse tensors without elements, compute with them, or end the process, each as it likes. */
function refuseEmpty(feeds: Readonly<Record<string, EngineTensor>>): void {
  for (const [name, { shape }] of Object.entries(feeds)) {
    if (!shape.includes(0)) continue;
    throw new RefusalError(`engine: input ${name} is empty, ${formatShape(shape)}, which WebGPU may crash on`);
  }
}

/** Turns what the provider throws about the adapter's limits, its memory or its loss into a refusal of one line. */
async function explained<T>(device: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = messageOf(error);
    if (!/webgpu|dawn/i.test(message)) throw error;
    const [, node] = /Name:'([^']*)'/.exec(message) ?? [];
    const what = (message.split('was false.').at(-1) ?? message).replace(/\s+/g, ' ').trim();
    const where = node === undefined ? '' : ` (node ${node})`;
    throw new RefusalError(`engine: WebGPU on ${device} can't run the model${where}: ${what}; use the engine cpu`, {
      cause: error,
    });
  }
}
