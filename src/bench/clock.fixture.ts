import { vi } from 'vitest';
import type { Engine, EngineOptions, Session } from '../engine/index.ts';
import { decodeModel, type OnnxModel } from '../graph/index.ts';

/** An engine that computes nothing: its runs move the clock on. */
export interface ClockEngine {
  readonly engine: Engine;
  /** The names of the models in the order in which sessions were created. */
  readonly created: readonly string[];
  /** The options that sessions were created with. */
  readonly options: readonly (EngineOptions | undefined)[];
  /** Sessions created and not released, now and at most. */
  readonly live: { now: number; most: number };
}

/**
 * An engine on which a run of the model that `nameOf` calls `name` takes `milliseconds(name, creation)`, `creation` counting
 * the sessions of that name from 0. It replaces `performance.now` until mocks are restored.
 */
export function clockEngine(
  nameOf: (model: OnnxModel) => string,
  milliseconds: (name: string, creation: number) => number,
): ClockEngine {
  let clock = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => clock);
  const created: string[] = [];
  const options: (EngineOptions | undefined)[] = [];
  const live = { now: 0, most: 0 };
  const createSession = async (bytes: Uint8Array, given?: EngineOptions): Promise<Session> => {
    const name = nameOf(decodeModel(bytes));
    const taken = milliseconds(name, created.filter((other) => other === name).length);
    created.push(name);
    options.push(given);
    live.most = Math.max(live.most, ++live.now);
    const node = {
      name,
      opType: 'Mul',
      provider: 'clock',
      readsFloats: true,
      outputs: 1,
      calls: 1,
      totalMs: taken,
      minMs: taken,
    };
    return {
      inputNames: [],
      outputNames: [],
      run: async () => {
        clock += taken;
        return {};
      },
      profile: async () => ({ runs: 1, totalMs: taken, ops: [], nodes: [node], providers: {}, truncated: false }),
      release: async () => {
        live.now--;
      },
    };
  };
  return { engine: { name: 'cpu', versions: { onnxruntime: '0.0.0' }, createSession }, created, options, live };
}
