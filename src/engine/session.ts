import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../core/errors.ts';
import type { OnnxRuntime } from './onnxruntime.ts';
import { summarizeProfile } from './profile.ts';
import { fromOrt, toOrt } from './tensors.ts';
import type { EngineOptions, EngineTensor, Session } from './types.ts';

/** What an engine asks of ONNX Runtime besides a session's own options. */
export interface Provider {
  /** In the order of preference; the CPU computes what none of them can. */
  readonly executionProviders: readonly InferenceSession.ExecutionProviderConfig[];
  /** What ONNX Runtime itself writes to standard error: 3 errors, 4 only what ends the process. */
  readonly logSeverityLevel: 3 | 4;
}

/** Loads a model into ONNX Runtime. Throws an Error, whose cause is ONNX Runtime's own, for a model that it refuses. */
export async function createOrtSession(
  ort: OnnxRuntime,
  model: Uint8Array,
  options: EngineOptions,
  provider: Provider,
): Promise<Session> {
  const profileFolder = options.profile ? await mkdtemp(join(tmpdir(), `normlab-profile-${process.pid}-`)) : undefined;
  try {
    const session = await ort.InferenceSession.create(model, sessionOptions(options, provider, profileFolder));
    return wrap(ort, session, profileFolder);
  } catch (error) {
    await removeFolder(profileFolder);
    throw new Error(`engine: ONNX Runtime refuses the model: ${messageOf(error)}`, { cause: error });
  }
}

function sessionOptions(
  options: EngineOptions,
  provider: Provider,
  profileFolder: string | undefined,
): InferenceSession.SessionOptions {
  const {
    threads = availableParallelism(),
    spinning = true,
    optimization = 'all',
    externalDataFolder,
    prepacking = true,
    quiet = false,
  } = options;
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RangeError(`engine: threads is ${threads}, expected a positive integer`);
  }
  return {
    executionProviders: provider.executionProviders,
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimization,
    logSeverityLevel: quiet ? 4 : provider.logSeverityLevel,
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
