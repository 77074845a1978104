/** A colour on a light and on a dark background. */
export interface ThemedColor {
  readonly light: string;
  readonly dark: string;
}

/**
 * Colours that plots name as `var(--token)`; the HTML page defines the variables, standalone SVG files replace them.
 * No two tokens share a light value, so that a standalone file can find each one again for its dark theme.
 */
export const tokens = {
  ink: { light: '#1b1f24', dark: '#e8eaed' },
  muted: { light: '#5b6470', dark: '#a3adb8' },
  faint: { light: '#d9dee4', dark: '#333b45' },
  paper: { light: '#fffffe', dark: '#14181d' },
  band: { light: '#e3ecf1', dark: '#243340' },
  alarm: { light: '#b3261e', dark: '#ff8a80' },
  'norm-1': { light: '#0069a8', dark: '#5cb8f2' },
  'norm-2': { light: '#c8500a', dark: '#ff9a52' },
  'norm-3': { light: '#00795c', dark: '#3fcfa4' },
  'norm-4': { light: '#a0488a', dark: '#ea9bd2' },
  'norm-5': { light: '#8a6a00', dark: '#e6c229' },
  'norm-6': { light: '#4a4fb5', dark: '#a5a8ff' },
  'norm-7': { light: '#7a3f2b', dark: '#d6a28f' },
  'norm-8': { light: '#4c565f', dark: '#bfc7cf' },
} as const satisfies Record<string, ThemedColor>;

export type Token = keyof typeof tokens;

/** A reference that both themes resolve. */
export function color(token: Token): string {
  return `var(--${token})`;
}

/** How a norm is drawn in every plot: hue, dash and symbol, so that none of them is needed alone. */
export interface NormStyle {
  readonly stroke: string;
  readonly dash: string;
  readonly symbol: (typeof symbols)[number] | 'times';
}

/** The catalogue in the order in which norms take their looks; a norm that isn't in it takes one by its name. */
const order: readonly string[] = [
  'layernorm',
  'rmsnorm',
  'crmsnorm',
  'dyt',
  'layernorm-nonparametric',
  'prmsnorm',
  'scalenorm',
  'rmsnorm-nonparametric',
  'rmsnorm-gemma',
  'layernorm-nobias',
  'layernorm1p',
  'rmsnorm-bias',
];
const hues = ['norm-1', 'norm-2', 'norm-3', 'norm-4', 'norm-5', 'norm-6', 'norm-7'] as const satisfies readonly Token[];
const dashes = ['1,0', '7,3', '2,3', '9,3,2,3', '4,2', '12,3', '3,2,1,2', '6,6'] as const;
const symbols = ['circle', 'square', 'triangle', 'diamond', 'star', 'wye', 'cross', 'asterisk'] as const;

/** The style of a norm by its catalogue id; the same id has the same style everywhere. */
export function normStyle(id: string): NormStyle {
  if (id === 'none') return { stroke: color('norm-8'), dash: '1,4', symbol: 'times' };
  const known = order.indexOf(id);
  const position = known >= 0 ? known : [...id].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0);
  return {
    stroke: color(hues[position % hues.length] ?? 'norm-8'),
    dash: dashes[position % dashes.length] ?? '1,0',
    symbol: symbols[position % symbols.length] ?? 'circle',
  };
}
