import { formatTable } from '../../src/core/format.ts';
import { cpuEngine, type Engine, type ProfileEntry, type Session } from '../../src/engine/index.ts';
import { openDecodingSession } from '../../src/generate/index.ts';
import { openModel } from '../../src/models/index.ts';

/** Where the time of one phase goes. */
export interface PhaseProfile {
  readonly phase: 'prefill' | 'decode';
  /** Of the whole phase as JavaScript sees it. */
  readonly wallMs: number;
  /** In the engine's runs. */
  readonly runMs: number;
  readonly runs: number;
  readonly ops: readonly ProfileEntry[];
}

/** An engine whose sessions keep times; the sessions that it made. */
function profilingEngine(): { readonly engine: Engine; readonly sessions: readonly Session[] } {
  const engine = cpuEngine();
  const sessions: Session[] = [];
  return {
    sessions,
    engine: {
      ...engine,
      async createSession(model, options) {
        const session = await engine.createSession(model, { ...options, profile: true });
        sessions.push(session);
        return session;
      },
    },
  };
}

/**
 * One prefill and one decoding, profiled by the engine. Keeping times costs a few per cent, most where operators are
 * small; the first run of a session, which reads the weights, is a warm-up and subtracted.
 */
export async function profilePhases(
  folder: string,
  threads: number,
  prompt: readonly number[],
  tokens: readonly number[],
): Promise<readonly PhaseProfile[]> {
  const context = prompt.length + tokens.length;

  /** Times of so many warm-ups and prefills, then perhaps a decoding. */
  const measure = async (prefills: number, decode: boolean) => {
    const { engine, sessions } = profilingEngine();
    const model = await openModel(folder);
    const session = await openDecodingSession(model, { context, threads, engine }).finally(() =>
      model.checkpoint.close(),
    );
    let wallMs = 0;
    for (let i = 0; i < prefills; i++) {
      session.reset();
      const started = performance.now();
      await session.feed(prompt);
      wallMs = performance.now() - started;
    }
    const started = performance.now();
    if (decode) {
      for (const id of tokens) await session.feed([id]);
      wallMs = performance.now() - started;
    }
    const summary = await sessions[0]?.profile();
    await session.release();
    if (summary === undefined) throw new Error('bench: the decoding session made no engine session');
    return { summary, wallMs };
  };

  const once = await measure(1, false);
  const twice = await measure(2, false);
  const decoded = await measure(1, true);
  const phase = (name: PhaseProfile['phase'], all: typeof once, before: typeof once): PhaseProfile => ({
    phase: name,
    wallMs: all.wallMs,
    runMs: all.summary.totalMs - before.summary.totalMs,
    runs: all.summary.runs - before.summary.runs,
    ops: all.summary.ops
      .map((entry) => {
        const earlier = before.summary.ops.find(({ opType }) => opType === entry.opType);
        return {
          ...entry,
          calls: entry.calls - (earlier?.calls ?? 0),
          totalMs: Math.max(0, entry.totalMs - (earlier?.totalMs ?? 0)),
        };
      })
      .filter(({ calls }) => calls > 0)
      .sort((a, b) => b.totalMs - a.totalMs),
  });
  return [phase('prefill', twice, once), phase('decode', decoded, once)];
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
