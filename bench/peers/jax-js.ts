import { blockUntilReady, defaultDevice, init, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';

/** A GPT as `trainSpec` in src/train describes it, with LayerNorm before each branch. */
export interface GptShape {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly heads: number;
  readonly context: number;
  readonly vocabularySize: number;
  readonly batch: number;
  readonly epsilon: number;
}

/** AdamW's constants, as in `OptimizerConfig`. */
export interface AdamW {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly clip: number;
}

/** Weights by their canonical names; matrices are `[out, in]`. */
export type NamedArrays = ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: Float32Array }>;

export interface JaxTrainer {
  /** The device that jax-js computes on. */
  readonly device: string;
  /** One training step; the state stays with jax-js. Returns the loss before the update, nats per token. */
  step(
    batch: { readonly inputs: Int32Array; readonly targets: Int32Array },
    t: number,
    learningRate: number,
  ): Promise<number>;
}

type Tree = Record<string, np.Array>;

// In jax-js every use of an array consumes it, and `.ref` keeps it for another use.

/** The same model, loss and optimizer in jax-js, compiled by its `jit` as one function. */
export async function createJaxTrainer(shape: GptShape, optimizer: AdamW, initial: NamedArrays): Promise<JaxTrainer> {
  await init('wasm');
  defaultDevice('wasm');
  const names = [...initial.keys()];
  const decaying = new Set([...initial].filter(([, array]) => array.shape.length > 1).map(([name]) => name));

  const step = jit(
    (parameters: Tree, first: Tree, second: Tree, ids: np.Array, targets: np.Array, scalars: np.Array) => {
      const [loss, gradients] = valueAndGrad((p: Tree) => lossOf(p, shape, ids.ref, targets.ref))(refs(parameters));
      ids.dispose();
      targets.dispose();
      const factor = clipFactor(
        names.map((name) => of(gradients, name).ref),
        optimizer.clip,
      );
      const [stepSize, epsilon, decay] = [0, 1, 2].map((i) => scalars.ref.slice(i)) as [np.Array, np.Array, np.Array];
      scalars.dispose();
      const next: { parameters: Tree; first: Tree; second: Tree } = { parameters: {}, first: {}, second: {} };
      for (const name of names) {
        const gradient = of(gradients, name).mul(factor.ref);
        const m = of(first, name)
          .mul(optimizer.beta1)
          .add(gradient.ref.mul(1 - optimizer.beta1));
        const v = of(second, name)
          .mul(optimizer.beta2)
          .add(np.square(gradient).mul(1 - optimizer.beta2));
        const update = m.ref.mul(stepSize.ref).div(np.sqrt(v.ref).add(epsilon.ref));
        const parameter = of(parameters, name);
        const kept = decaying.has(name) ? parameter.mul(np.subtract(1, decay.ref)) : parameter;
        next.parameters[name] = kept.sub(update);
        next.first[name] = m;
        next.second[name] = v;
      }
      for (const used of [factor, stepSize, epsilon, decay]) used.dispose();
      return { ...next, loss };
    },
  );

  const arrays = (zero: boolean): Tree =>
    Object.fromEntries(
      [...initial].map(([name, { data, shape: dims }]) => [
        name,
        np.array(zero ? new Float32Array(data.length) : Float32Array.from(data), { shape: [...dims] }),
      ]),
    );
  let state = { parameters: arrays(false), first: arrays(true), second: arrays(true) };
  return {
    device: defaultDevice(),
    async step({ inputs, targets }, t, learningRate) {
      const correction = Math.sqrt(1 - optimizer.beta2 ** t);
      const scalars = np.array(
        Float32Array.of(
          (learningRate * correction) / (1 - optimizer.beta1 ** t),
          optimizer.epsilon * correction,
          learningRate * optimizer.weightDecay,
        ),
      );
      const idArray = (ids: Int32Array) => np.array(Int32Array.from(ids), { shape: [shape.batch, shape.context] });
      const { loss, ...next } = step(
        state.parameters,
        state.first,
        state.second,
        idArray(inputs),
        idArray(targets),
        scalars,
      );
      state = next;
      await blockUntilReady(next);
      const [value = Number.NaN] = await loss.data();
      return value;
    },
  };
}

function lossOf(parameters: Tree, shape: GptShape, ids: np.Array, targets: np.Array): np.Array {
  const { layers, hiddenSize, batch, context, vocabularySize, epsilon } = shape;
  const use = (name: string) => of(parameters, name);
  const linear = (name: string, x: np.Array, bias = true) => {
    const product = np.matmul(x, use(`${name}.weight`).transpose());
    return bias ? product.add(use(`${name}.bias`)) : product;
  };
  const norm = (name: string, x: np.Array) =>
    nn
      .standardize(x, -1, { epsilon })
      .mul(use(`${name}.weight`))
      .add(use(`${name}.bias`));

  // Rows are positions of the whole batch: [batch · context, …].
  const rows = batch * context;
  let x = np
    .matmul(nn.oneHot(ids.reshape([rows]), vocabularySize), use('embedding.token.weight'))
    .reshape([batch, context, hiddenSize])
    .add(use('embedding.position.weight'))
    .reshape([rows, hiddenSize]);
  for (let layer = 0; layer < layers; layer++) {
    const name = (part: string) => `blocks.${layer}.${part}`;
    const mixed = attention(linear(name('attention.qkv'), norm(name('attention.input_norm'), x.ref)), shape);
    x = x.add(linear(name('attention.output'), mixed));
    const inner = nn.gelu(linear(name('mlp.up'), norm(name('mlp.input_norm'), x.ref)), { approximate: true });
    x = x.add(linear(name('mlp.down'), inner));
  }
  const logits = linear('head', norm('final_norm', x), false);
  const wanted = nn.oneHot(targets.reshape([rows]), vocabularySize);
  return np.sum(nn.logSoftmax(logits).mul(wanted)).mul(-1 / rows);
}

/** Causal attention on queries, keys and values side by side, `[rows, 3 · hidden]`. jax-js's own needs a newer Node. */
function attention(qkv: np.Array, { batch, context, heads, hiddenSize }: GptShape): np.Array {
  const headSize = hiddenSize / heads;
  // [3, batch, heads, context, headSize]
  const parts = qkv.reshape([batch, context, 3, heads, headSize]).transpose([2, 0, 3, 1, 4]);
  const q = parts.ref.slice(0);
  const k = parts.ref.slice(1);
  const v = parts.slice(2);
  const scores = np.matmul(q, k.transpose([0, 1, 3, 2])).mul(1 / Math.sqrt(headSize));
  const isPast = np.tri(context, context, 0, { dtype: np.bool });
  const weights = nn.softmax(np.where(isPast, scores, Number.NEGATIVE_INFINITY), -1);
  return np
    .matmul(weights, v)
    .transpose([0, 2, 1, 3])
    .reshape([batch * context, hiddenSize]);
}

/** min(1, clip / (‖g‖ + 10⁻⁶)) over all gradients together. */
function clipFactor(gradients: readonly np.Array[], clip: number): np.Array {
  const squares = gradients.map((gradient) => np.sum(np.square(gradient)));
  const norm = np.sqrt(squares.reduce((sum, square) => sum.add(square)));
  return np.minimum(1, np.divide(clip, norm.add(1e-6)));
}

function refs(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).map(([name, array]) => [name, array.ref]));
}

function of(tree: Tree, name: string): np.Array {
  const array = tree[name];
  if (array === undefined) throw new Error(`jax-js: no array ${name}`);
  return array;
}
