type Config = Readonly<Record<string, unknown>>;

/** How many parameters a model has, as its source says. */
export interface PublishedCount {
  readonly parameters: number;
  /** The unit to which it is rounded: 1 where it is exact, 10⁸ for “6.7B”. */
  readonly unit: number;
  /** Default: every parameter once, as `countParameters` counts. */
  readonly counts?: 'tied_head_twice' | 'without_embeddings';
}

/** A published size of a model: a config of its family, from which everything else follows. */
export interface Preset {
  /** `gpt3-xl` */
  readonly id: string;
  /** As its makers write it: `GPT-3 XL`. */
  readonly name: string;
  /** What `config.json` holds: the keys that the family reads, and those by which libraries know the class and dtype. */
  readonly config: Config;
  readonly published: PublishedCount;
  /** Where shape and count are from: a paper's table, the config of a published repository, or both. */
  readonly source: string;
  /** What differs from the source, and why. */
  readonly note?: string;
}

/** A count to the last parameter. */
export function exactly(parameters: number): PublishedCount {
  return { parameters, unit: 1 };
}

/** A count of published tensors, among which a tied head stands beside the embedding that it is. */
export function exactlyWithHead(parameters: number): PublishedCount {
  return { parameters, unit: 1, counts: 'tied_head_twice' };
}

/** A count in billions with its digits as printed: `billions('6.7')`. */
export function billions(digits: string): PublishedCount {
  return rounded(digits, 9);
}

/** A count in millions with its digits as printed. */
export function millions(digits: string): PublishedCount {
  return rounded(digits, 6);
}

function rounded(digits: string, exponent: number): PublishedCount {
  const decimals = digits.split('.')[1]?.length ?? 0;
  return { parameters: Math.round(Number(digits) * 10 ** exponent), unit: 10 ** (exponent - decimals) };
}

/** The keys that no family reads: the class that transformers and others load, and the dtype of the published weights. */
export function published(architecture: string, dtype?: 'float32' | 'float16' | 'bfloat16'): Config {
  return { architectures: [architecture], ...(dtype === undefined ? {} : { torch_dtype: dtype }) };
}
