import { sizeOf } from '../../core/shape.ts';
import type { Engine, EngineTensor, Session } from '../../engine/index.ts';
import {
  emitOnnx,
  encodeModel,
  evaluateLazily,
  input,
  type LazySources,
  leavesOf,
  makeValue,
  matmul,
  type Tensor,
  type Value,
} from '../../graph/index.ts';

/** Computes a tensor from the values of its graph's inputs and parameters, which are asked for by name. */
export type Compute = (output: Tensor, value: (name: string) => Promise<Value>) => Promise<Value>;

/** The two ways in which a certificate computes. Release them after use. */
export interface Arithmetic {
  /**
   * float64, op by op, as the catalogue defines the ops; parameters are in memory for as long as an op needs them. The
   * products of linears are computed by the engine, which has a kernel for them that is ten times as fast.
   */
  readonly exact: Compute;
  /** The float32 engine, on parameters rounded to float32. */
  readonly float32: Compute;
  release(): Promise<void>;
}

/** Multiply-adds of a product for which the engine is asked: it is slower where its threads have little to do. */
const worthEngine = 2 ** 22;

/** Weights of a stage that one thread is enough for. */
const smallStage = 2 ** 20;

/** Sessions that are kept: models repeat at most a few kinds of blocks. */
const keptSessions = 4;

export function startArithmetic(engine: Engine): Arithmetic {
  const fusedTransposes = engine.name === 'cpu';
  let products: Promise<Session> | undefined;
  const sessions = new Map<string, Session>();

  async function sessionOf(output: Tensor): Promise<Session> {
    const model = encodeModel(emitOnnx({ y: output }, { fusedTransposes }));
    const key = Buffer.from(model).toString('latin1');
    const session =
      sessions.get(key) ?? (await engine.createSession(model, isSmall(output) ? { threads: 1 } : { spinning: false }));
    sessions.delete(key);
    sessions.set(key, session);
    for (const [oldest, unused] of sessions) {
      if (sessions.size <= keptSessions) break;
      sessions.delete(oldest);
      await unused.release();
    }
    return session;
  }

  async function product(x: Value, weight: Value): Promise<Value> {
    products ??= engine.createSession(
      encodeModel(emitOnnx({ y: linear() }, { floatType: 'float64', fusedTransposes })),
      { spinning: false },
    );
    const inner = x.shape.at(-1) ?? 1;
    const { data } = float(
      await (await products).run({
        x: { dtype: 'float64', shape: [x.data.length / inner, inner], data: x.data },
        weight: { dtype: 'float64', shape: weight.shape, data: weight.data },
      }),
      'float64',
    );
    return makeValue('float', [...x.shape.slice(0, -1), weight.shape[0] ?? 0], data);
  }

  const multiply: LazySources['multiply'] = (x, weight) => {
    const operations = x.data.length * (weight.shape[0] ?? 0);
    return operations < worthEngine ? undefined : product(x, weight);
  };

  return {
    async exact(output, value) {
      const [result] = await evaluateLazily([output], { value, multiply });
      if (result === undefined) throw new Error('convert: nothing was computed');
      return result;
    },
    async float32(output, value) {
      const session = await sessionOf(output);
      const feeds: Record<string, EngineTensor> = {};
      for (const { origin } of leavesOf([output])) {
        if (origin.kind === 'input' || origin.kind === 'parameter')
          feeds[origin.name] = engineTensor(await value(origin.name));
      }
      const { shape, data } = float(await session.run(feeds), 'float32');
      return makeValue('float', shape, data);
    },
    async release() {
      await (await products)?.release();
      for (const session of sessions.values()) await session.release();
    },
  };
}

/** Whether more threads would wait for each other for longer than they compute. */
function isSmall(output: Tensor): boolean {
  const weights = leavesOf([output]).filter(({ origin }) => origin.kind === 'parameter');
  return weights.reduce((sum, { shape }) => sum + sizeOf(shape.map(Number)), 0) < smallStage;
}

function linear(): Tensor {
  return matmul(input('x', 'float', ['rows', 'inner']), input('weight', 'float', ['columns', 'inner']), {
    transposeB: true,
  });
}

function engineTensor({ dtype, shape, data }: Value): EngineTensor {
  return dtype === 'int'
    ? { dtype: 'int64', shape, data: BigInt64Array.from(data, BigInt) }
    : { dtype: 'float32', shape, data: new Float32Array(data) };
}

function float({ y }: Readonly<Record<string, EngineTensor>>, dtype: 'float32' | 'float64') {
  if (y?.dtype === dtype && (y.dtype === 'float32' || y.dtype === 'float64')) return y;
  throw new Error(`convert: the engine gave no ${dtype}`);
}
