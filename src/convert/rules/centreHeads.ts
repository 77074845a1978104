import { blocksOf, mapRows, once, type RowMatrix, transpose } from './matrix.ts';

export interface HeadGroups {
  readonly axis: 'rows' | 'columns';
  readonly headSize: number;
  /** For each group the first rows or columns of its heads. */
  readonly groups: readonly (readonly number[])[];
}

/** Subtracts from the heads of each group their mean, over their rows or over their columns. */
export function centreHeads(matrix: RowMatrix, heads: HeadGroups, maxElements: number): RowMatrix {
  if (heads.axis === 'columns') return centreColumnsOfHeads(matrix, heads);
  if (matrix.transposeOf !== undefined) {
    return transpose(centreColumnsOfHeads(matrix.transposeOf, heads), maxElements);
  }
  const { rows, columns } = matrix;
  const groupOf = groupsOf(rows, heads);
  const means = once(async () => {
    const sums = heads.groups.map(() => new Float64Array(columns));
    for (const block of blocksOf(matrix, maxElements)) {
      const data = await matrix.read(block);
      for (let row = block.start; row < block.end; row++) {
        const sum = sums[groupOf[row] ?? -1];
        if (sum === undefined) continue;
        const offset = (row - block.start) * columns;
        for (let i = 0; i < columns; i++) sum[i] = (sum[i] ?? 0) + (data[offset + i] ?? Number.NaN);
      }
    }
    return sums.map((sum, group) => sum.map((value) => value / sizeOfGroup(heads, group)));
  });
  return {
    rows,
    columns,
    needsAll: matrix.needsAll,
    async read(range) {
      const subtracted = await means();
      const data = await matrix.read(range);
      for (let row = range.start; row < range.end; row++) {
        const mean = subtracted[groupOf[row] ?? -1];
        if (mean === undefined) continue;
        const offset = (row - range.start) * columns;
        for (let i = 0; i < columns; i++) data[offset + i] = (data[offset + i] ?? Number.NaN) - (mean[i] ?? Number.NaN);
      }
      return data;
    },
  };
}

function centreColumnsOfHeads(matrix: RowMatrix, heads: HeadGroups): RowMatrix {
  const groupOf = groupsOf(matrix.columns, heads);
  return mapRows(matrix, (row) => {
    const means = heads.groups.map(() => 0);
    for (const [i, group] of groupOf.entries()) {
      if (group >= 0) means[group] = (means[group] ?? 0) + (row[i] ?? Number.NaN) / sizeOfGroup(heads, group);
    }
    for (const [i, group] of groupOf.entries()) {
      if (group >= 0) row[i] = (row[i] ?? Number.NaN) - (means[group] ?? Number.NaN);
    }
  });
}

/** The group of each row or column, −1 where it is in none. */
function groupsOf(count: number, { headSize, groups }: HeadGroups): Int32Array {
  const result = new Int32Array(count).fill(-1);
  for (const [group, starts] of groups.entries()) {
    for (const start of starts) result.fill(group, start, start + headSize);
  }
  return result;
}

function sizeOfGroup({ headSize, groups }: HeadGroups, group: number): number {
  return headSize * (groups[group]?.length ?? 0);
}
