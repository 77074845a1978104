import { formatTable } from '../../src/core/format.ts';
import {
  cpuEngine,
  type Engine,
  type ProfileEntry,
  type ProfileSummary,
  type Session,
} from '../../src/engine/index.ts';
import { openDecodingSession } from '../../src/generate/index.ts';
import { openModel } from '../../src/models/index.ts';

const phases = ['prefill', 'decode'] as const;
type Phase = (typeof phases)[number];

/** Where the time of one phase goes. */
export interface PhaseProfile {
  readonly phase: Phase;
  /** Of the whole phase as JavaScript sees it. */
  readonly wallMs: number;
  /** In the engine's runs. */
  readonly runMs: number;
  readonly runs: number;
  readonly ops: readonly ProfileEntry[];
}

/** Prefills that are profiled: the first one also reads the weights. */
const prefills = 4;

interface PhaseEngine {
  readonly engine: Engine;
  /** Which session runs from now on: that which keeps the times of a phase, or one that keeps none. */
  choose(phase: Phase | null): void;
  profile(phase: Phase): Promise<ProfileSummary>;
}

/** An engine that has a session for each phase behind each session; they share the mapped weights. */
function phaseEngine(): PhaseEngine {
  const engine = cpuEngine();
  const profiled = new Map<Phase, Session>();
  let chosen: Phase | null = null;
  return {
    choose(phase) {
      chosen = phase;
    },
    async profile(phase) {
      const summary = await profiled.get(phase)?.profile();
      if (summary === undefined) throw new Error('bench: the engine made no session');
      return summary;
    },
    engine: {
      ...engine,
      async createSession(model, options) {
        const plain = await engine.createSession(model, options);
        for (const phase of phases)
          profiled.set(phase, await engine.createSession(model, { ...options, profile: true }));
        return {
          ...plain,
          run: (feeds, fetches) => ((chosen && profiled.get(chosen)) ?? plain).run(feeds, fetches),
          async release() {
            for (const session of [plain, ...profiled.values()]) await session.release();
          },
        };
      },
    },
  };
}

/** Some prefills and one decoding, profiled by the engine. Keeping times costs a few per cent, most where operators are small. */
export async function profilePhases(
  folder: string,
  threads: number,
  prompt: readonly number[],
  tokens: readonly number[],
): Promise<readonly PhaseProfile[]> {
  const { engine, choose, profile } = phaseEngine();
  const model = await openModel(folder);
  const context = prompt.length + tokens.length;
  const session = await openDecodingSession(model, { context, threads, engine }).finally(() =>
    model.checkpoint.close(),
  );
  const wallMs = { prefill: 0, decode: 0 };
  const timed = async (phase: Phase, ids: readonly number[]) => {
    choose(phase);
    const started = performance.now();
    await session.feed(ids);
    wallMs[phase] += performance.now() - started;
  };
  for (let i = 0; i < prefills; i++) {
    session.reset();
    await timed('prefill', prompt);
  }
  choose(null);
  session.reset();
  await session.feed(prompt);
  for (const id of tokens) await timed('decode', [id]);
  const results: PhaseProfile[] = [];
  for (const phase of phases) {
    const { totalMs: runMs, runs, ops } = await profile(phase);
    results.push({ phase, wallMs: wallMs[phase], runMs, runs, ops });
  }
  await session.release();
  return results;
}

/** The phases as tables: operators, what is left of the runs, and what is left of the wall-clock time. */
export function profileText(profiles: readonly PhaseProfile[]): string {
  return profiles
    .map(({ phase, wallMs, runMs, runs, ops }) => {
      const inOps = ops.reduce((sum, { totalMs }) => sum + totalMs, 0);
      const row = (name: string, calls: number | null, ms: number) => [
        name,
        calls,
        ms.toFixed(1),
        `${((100 * ms) / wallMs).toFixed(1)} %`,
      ];
      const shown = ops.filter(({ totalMs }) => totalMs >= 0.005 * wallMs);
      const others = inOps - shown.reduce((sum, { totalMs }) => sum + totalMs, 0);
      const table = formatTable(
        ['', 'calls', 'ms', 'share'],
        [
          ...shown.map(({ opType, calls, totalMs }) => row(opType, calls, totalMs)),
          row('other operators', null, others),
          row('between operators', null, Math.max(0, runMs - inOps)),
          row('outside of the engine', null, Math.max(0, wallMs - runMs)),
        ],
      );
      return `${phase}: ${wallMs.toFixed(1)} ms in ${runs} ${runs === 1 ? 'run' : 'runs'}, profiled\n${table}`;
    })
    .join('\n\n');
}
