import type { DecoderSpec, LinearPart } from '../../models/index.ts';

/**
 * The rows of a linear that a norm on queries or keys reads together, as lists of the first rows of heads; none of a linear
 * that gives neither.
 */
export function normedHeads({ attention }: DecoderSpec, part: LinearPart): readonly (readonly number[])[] {
  const place = /\.attention\.(query|key|qkv)$/.exec(part.name)?.[1];
  if (place === undefined || attention.qkNorm === null) return [];
  const { queries, keys } = rowsOf(attention, place);
  if (attention.qkNorm.extent !== 'full') return [...queries, ...keys].map((row) => [row]);
  return [queries, keys].filter(({ length }) => length > 0);
}

function rowsOf(attention: DecoderSpec['attention'], place: string) {
  const firstRows = (heads: readonly number[]) => heads.map((head) => head * attention.headSize);
  const { queries, keys } = headsOf(attention);
  if (attention.projection === 'separate') {
    return place === 'query' ? { queries: firstRows(queries), keys: [] } : { queries: [], keys: firstRows(keys) };
  }
  return { queries: firstRows(queries), keys: firstRows(keys) };
}

/** Which head of its linear's output each query, key and value is, counted in heads. */
export function headsOf({ projection, numHeads, numKeyValueHeads }: DecoderSpec['attention']): {
  readonly queries: readonly number[];
  readonly keys: readonly number[];
  readonly values: readonly number[];
} {
  const heads = (count: number, place: (head: number) => number) =>
    Array.from({ length: count }, (_, head) => place(head));
  const own = (count: number, from = 0) => heads(count, (head) => from + head);
  switch (projection) {
    case 'separate':
      return { queries: own(numHeads), keys: own(numKeyValueHeads), values: own(numKeyValueHeads) };
    case 'fused':
      return {
        queries: own(numHeads),
        keys: own(numKeyValueHeads, numHeads),
        values: own(numKeyValueHeads, numHeads + numKeyValueHeads),
      };
    case 'fused_by_group': {
      const group = numHeads / numKeyValueHeads;
      return {
        queries: heads(numHeads, (head) => Math.floor(head / group) * (group + 2) + (head % group)),
        keys: heads(numKeyValueHeads, (head) => head * (group + 2) + group),
        values: heads(numKeyValueHeads, (head) => head * (group + 2) + group + 1),
      };
    }
    case 'fused_in_quarters': {
      const quarter = numHeads / 4;
      const at = (head: number) => 3 * quarter * Math.floor(head / quarter) + (head % quarter);
      return {
        queries: heads(numHeads, at),
        keys: heads(numHeads, (head) => at(head) + 2 * quarter),
        values: heads(numHeads, (head) => at(head) + quarter),
      };
    }
  }
}
