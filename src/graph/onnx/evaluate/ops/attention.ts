import { formatShape } from '../../../../core/shape.ts';
import { mapElements, permute } from '../../../ndarray.ts';
import { softmaxRows } from '../../../ops/index.ts';
import type { Value } from '../../../tensor.ts';
import type { OpContext, OpEvaluation } from '../context.ts';
import { pairs } from './elementwise.ts';
import { concatenated } from './layout.ts';
import { product, scaled } from './product.ts';
import { take } from './selection.ts';

/** `[batch, heads, sequence, headSize]` from that, or from `[batch, sequence, heads · headSize]`. */
function inHeads(op: OpContext, x: Value, heads: number): Value {
  if (x.shape.length === 4) return x;
  const [batch = 0, sequence = 0, width = 0] = x.shape;
  if (x.shape.length !== 3 || heads < 1 || width % heads !== 0) {
    op.fail(`${formatShape(x.shape)} can't be split in ${heads} heads`);
  }
  return permute({ ...x, shape: op.sized([batch, sequence, heads, width / heads]) }, [0, 2, 1, 3]);
}

/** Key or value heads that several query heads share are repeated. */
function repeated(x: Value, heads: number): Value {
  const own = x.shape[1] ?? 1;
  if (own === heads) return x;
  return take(
    x,
    1,
    Array.from({ length: heads }, (_, i) => Math.floor(i / (heads / own))),
  );
}

/** The mask as what is added to the scores. */
function additive(mask: Value): Value {
  if (mask.dtype !== 'bool') return mask;
  return { ...mapElements(mask, (allowed) => (allowed === 0 ? Number.NEGATIVE_INFINITY : 0)), dtype: 'float' };
}

/** Row i sees columns up to i + `past`. */
function causal(x: Value, past: number): Value {
  const [rows, columns] = [x.shape.at(-2) ?? 1, x.shape.at(-1) ?? 1];
  const data = x.data.map((score, i) =>
    (i % columns) - (Math.floor(i / columns) % rows) > past ? Number.NEGATIVE_INFINITY : score,
  );
  return { ...x, data };
}

/** softmax(QKᵀ·scale + mask)·V of opset 23, with what was computed before in front of keys and values. */
const attention: OpEvaluation = (op) => {
  if (op.outputCount > 3) op.unsupported('with its scores as an output is not supported');
  if (op.inputs.length > 6 && op.inputs[6] !== undefined) op.unsupported('with padded lengths is not supported');
  const input = op.input(0);
  const q = inHeads(op, input, op.int('q_num_heads', 0));
  const withPast = (x: Value, past: Value | undefined) => (past === undefined ? x : concatenated(op, [past, x], 2));
  const k = withPast(inHeads(op, op.input(1), op.int('kv_num_heads', 0)), op.inputs[4]);
  const v = withPast(inHeads(op, op.input(2), op.int('kv_num_heads', 0)), op.inputs[5]);
  const heads = q.shape[1] ?? 1;
  const scale = op.has('scale') ? op.float('scale', 1) : 1 / Math.sqrt(q.shape[3] ?? 1);
  const raw = scaled(product(op, q, repeated(k, heads), { transposeB: true }), scale);
  const cap = op.float('softcap', 0);
  const past = op.inputs[4]?.shape[2] ?? 0;
  const mask = op.inputs[3];
  const capped = cap === 0 ? raw : mapElements(raw, (score) => cap * Math.tanh(score / cap));
  const masked = mask === undefined ? capped : pairs(op, capped, additive(mask), (score, bias) => score + bias);
  const scores = op.int('is_causal', 0) === 1 ? causal(masked, past) : masked;
  const y = product(op, softmaxRows(scores), repeated(v, heads));
  const [batch = 0, , sequence = 0, width = 0] = y.shape;
  const output =
    input.shape.length === 4 ? y : { ...permute(y, [0, 2, 1, 3]), shape: [batch, sequence, heads * width] };
  return [output, k, v];
};

export const attentions: Readonly<Record<string, OpEvaluation>> = { Attention: attention };
