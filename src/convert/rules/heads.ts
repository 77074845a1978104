import type { DecoderSpec, LinearPart } from '../../models/index.ts';

/**
 * The rows of a linear that a norm on queries or keys reads together, as lists of the first rows of heads; none of a linear
 * that gives neither.
 */
export function normedHeads({ attention }: DecoderSpec, part: LinearPart): readonly (readonly number[])[] {
  const place = /\.attention\.(query|key|qkv)$/.exec(part.name)?.[1];
  if (place === undefined || attention.qkNorm === null) return [];
  const { queries, keys } = headRows(attention, place);
  if (attention.qkNorm.extent !== 'full') return [...queries, ...keys].map((row) => [row]);
  return [queries, keys].filter(({ length }) => length > 0);
}

function headRows(
  { projection, numHeads, numKeyValueHeads, headSize }: DecoderSpec['attention'],
  place: string,
): { readonly queries: readonly number[]; readonly keys: readonly number[] } {
  const heads = (count: number, first: (head: number) => number) =>
    Array.from({ length: count }, (_, head) => headSize * first(head));
  switch (projection) {
    case 'separate':
      return place === 'query'
        ? { queries: heads(numHeads, (head) => head), keys: [] }
        : { queries: [], keys: heads(numKeyValueHeads, (head) => head) };
    case 'fused':
      return { queries: heads(numHeads, (head) => head), keys: heads(numKeyValueHeads, (head) => numHeads + head) };
    case 'fused_by_group': {
      const group = numHeads / numKeyValueHeads;
      return {
        queries: heads(numHeads, (head) => Math.floor(head / group) * (group + 2) + (head % group)),
        keys: heads(numKeyValueHeads, (head) => head * (group + 2) + group),
      };
    }
    case 'fused_in_quarters': {
      const quarter = numHeads / 4;
      const at = (head: number) => 3 * quarter * Math.floor(head / quarter) + (head % quarter);
      return { queries: heads(numHeads, at), keys: heads(numHeads, (head) => at(head) + 2 * quarter) };
    }
  }
}
