import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../core/errors.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './onnxruntime.ts';
import { summarizeProfile } from './profile.ts';
import { fromOrt, toOrt } from './tensors.ts';
import type { Engine, EngineOptions, EngineTensor, Session } from './types.ts';

/**
 * ONNX Runtime on this machine's processors.
 *
 * A model's results are bit for bit the same in every run with the same number of threads, unless it holds a
 * `ScatterND` with a reduction. Another number of threads may split a matrix product's sums elsewhere. Denormal numbers
 * are computed with, not flushed to zero.
 * @throws InputError where ONNX Runtime has no native library
 */
export function cpuEngine(): Engine {
  const ort = loadOnnxRuntime();
  return {
    name: 'cpu',
    versions: { onnxruntime: ort.env.versions.node ?? ort.env.versions.common },
    createSession: (model, options = {}) => createSession(ort, model, options),
  };
}

async function createSession(ort: OnnxRuntime, model: Uint8Array, options: EngineOptions): Promise<Session> {
  const profileFolder = options.profile ? await mkdtemp(join(tmpdir(), `normlab-profile-${process.pid}-`)) : undefined;
  try {
    const session = await ort.InferenceSession.create(model, sessionOptions(options, profileFolder));
    return wrap(ort, session, profileFolder);
  } catch (error) {
    await removeFolder(profileFolder);
    throw new Error(`engine: ONNX Runtime refuses the model: ${messageOf(error)}`, { cause: error });
  }
}

function sessionOptions(options: EngineOptions, profileFolder: string | undefined): InferenceSession.SessionOptions {
  const {
    threads = availableParallelism(),
    spinning = true,
    optimization = 'all',
    externalDataFolder,
    prepacking = true,
  } = options;
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`engine: threads is ${threads}, expected a positive integer`);
  }
  return {
    executionProviders: ['cpu'],
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
    ...(profileFolder === undefined
      ? {}
      : { enableProfiling: true, profileFilePrefix: join(profileFolder, 'profile') }),
    extra: {
      session: {
        'intra_op.allow_spinning': spinning ? '1' : '0',
        ...(prepacking ? {} : { disable_prepacking: '1' }),
        ...(externalDataFolder === undefined
          ? {}
          : { model_external_initializers_file_folder_path: externalDataFolder }),
      },
    },
  };
}

function wrap(ort: OnnxRuntime, session: InferenceSession, profileFolder: string | undefined): Session {
  let released = false;
  let profiling = profileFolder !== undefined;
  return {
    inputNames: session.inputNames,
    outputNames: session.outputNames,
    async run(feeds, fetches = session.outputNames) {
      if (released) throw new Error('engine: run on a session that was released');
      // ONNX Runtime starts in a setImmediate callback, so pending events (signals, timers) are handled before each run.
      const results = await session.run(
        Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, toOrt(ort, tensor)])),
        fetches,
      );
      const outputs: Record<string, EngineTensor> = {};
      for (const [name, tensor] of Object.entries(results)) outputs[name] = fromOrt(name, tensor);
      return outputs;
    },
    async profile() {
      if (profileFolder === undefined || !profiling || released) {
        throw new Error(
          'engine: nothing to profile. Create the session with profile: true and ask once, before release',
        );
      }
      profiling = false;
      session.endProfiling();
      try {
        const [file = ''] = await readdir(profileFolder);
        return summarizeProfile(await readFile(join(profileFolder, file), 'utf8'));
      } finally {
        await removeFolder(profileFolder);
      }
    },
    async release() {
      if (released) return;
      released = true;
      await session.release();
      await removeFolder(profileFolder);
    },
  };
}

async function removeFolder(folder: string | undefined): Promise<void> {
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}
