/** A norm by what it computes and which parameters it has. */
export interface NormParts {
  readonly family: 'layernorm' | 'rmsnorm';
  readonly weight: boolean;
  readonly bias: boolean;
}

const kinds: Readonly<Record<string, NormParts>> = {
  layernorm: { family: 'layernorm', weight: true, bias: true },
  'layernorm-nobias': { family: 'layernorm', weight: true, bias: false },
  'layernorm-nonparametric': { family: 'layernorm', weight: false, bias: false },
  // Those with 1P can become the plain ones: their weight is stored as γ − 1.
  layernorm1p: { family: 'layernorm', weight: true, bias: true },
  'rmsnorm-bias': { family: 'rmsnorm', weight: true, bias: true },
  rmsnorm: { family: 'rmsnorm', weight: true, bias: false },
  rmsnorm1p: { family: 'rmsnorm', weight: true, bias: true },
  'rmsnorm-nonparametric': { family: 'rmsnorm', weight: false, bias: false },
};

/** The parts of a norm's kind; undefined for those that llama.cpp doesn't have. */
export function normPartsOf(kind: string): NormParts | undefined {
  return kinds[kind];
}

/** The kind with these parts; a bias needs a weight. */
export function normKindOf({ family, weight, bias }: NormParts): string {
  if (!weight) return `${family}-nonparametric`;
  if (family === 'layernorm') return bias ? 'layernorm' : 'layernorm-nobias';
  return bias ? 'rmsnorm-bias' : 'rmsnorm';
}
