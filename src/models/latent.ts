import { broadcastTo, concat, reshape, split, type Tensor, transpose } from '../graph/index.ts';
import type { AttentionContext, Heads } from './attention.ts';
import { rotatedSize } from './layout.ts';
import type { LatentSpec } from './spec.ts';
import { applyNorm, linear } from './weights.ts';

/**
 * Queries and keys `[batch, heads, sequence, headSize]` and values `[batch, heads, sequence, valueSize]` of latent attention.
 *
 * Within a head the rotated coordinates come first here: scores don't depend on the order.
 */
export function latentHeads(
  context: AttentionContext,
  latent: LatentSpec,
  layer: number,
  name: string,
  x: Tensor,
): Heads {
  const { spec, weights, batch, sequence } = context;
  const { numHeads, headSize } = spec.attention;
  const rotated = rotatedSize(spec);
  const still = headSize - rotated;
  const heads = (y: Tensor, count: number, size: number) =>
    transpose(reshape(y, [batch, sequence, count, size]), [0, 2, 1, 3]);
  const expanded = (from: Tensor, norm: string, up: string) =>
    linear(weights, `${name}.${up}`, applyNorm(weights, latent.norm, `${name}.${norm}`, from));

  const query =
    latent.queryRank === null
      ? linear(weights, `${name}.query`, x)
      : expanded(linear(weights, `${name}.query_down`, x), 'query_latent_norm', 'query_up');
  const [queryStill, queryRotated] = two(split(heads(query, numHeads, headSize), -1, [still, rotated]));

  const down = linear(weights, `${name}.key_value_down`, x);
  const [compressed, keyRotated] = two(split(down, -1, [latent.keyValueRank, rotated]));
  const keyValue = expanded(compressed, 'key_value_norm', 'key_value_up');
  const [keyStill, values] = two(
    split(heads(keyValue, numHeads, still + latent.valueSize), -1, [still, latent.valueSize]),
  );
  const shared = broadcastTo(heads(keyRotated, 1, rotated), [batch, numHeads, sequence, rotated]);
  const rotate = (turning: Tensor, rest: Tensor) => context.rotate(concat([turning, rest], -1), layer);
  return { queries: rotate(queryRotated, queryStill), keys: rotate(shared, keyStill), values };
}

function two([first, second]: readonly Tensor[]): readonly [Tensor, Tensor] {
  if (first === undefined || second === undefined) throw new Error('models/latent: a split lost a part');
  return [first, second];
}
