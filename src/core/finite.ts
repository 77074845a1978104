/** The first of `values` whose magnitude is not below `limit`, NaN among them; undefined where all are. */
export function firstBeyond(values: Float64Array, limit: number): number | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(Math.abs(value) < limit)) return value;
  }
  return undefined;
}
