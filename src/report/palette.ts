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
  'norm-1': { light: '#0057c2', dark: '#9cc8ff' },
  'norm-2': { light: '#b03c00', dark: '#f0702c' },
  'norm-3': { light: '#1f9c68', dark: '#45e0a0' },
  'norm-4': { light: '#c060b8', dark: '#d75be6' },
  'norm-5': { light: '#a59100', dark: '#ecd83c' },
  'norm-6': { light: '#5a3fae', dark: '#8f86f2' },
  'norm-7': { light: '#0088a3', dark: '#3fb7cc' },
  'norm-8': { light: '#3a4149', dark: '#7b858d' },
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

/** Symbols with an inside: one of lines alone would vanish where only its fill is coloured. */
const symbols = ['circle', 'square', 'diamond', 'triangle', 'star', 'cross', 'wye', 'hexagon'] as const;
const hues = ['norm-1', 'norm-2', 'norm-3', 'norm-4', 'norm-5', 'norm-6', 'norm-7'] as const satisfies readonly Token[];
const dashes = ['1,0', '7,3', '2,3', '9,3,2,3', '4,2', '12,3', '3,2,1,2', '6,6'] as const;

/** The norms most often compared have a hue of their own; variants share the hue of what they vary. */
const looks: Readonly<Record<string, readonly [Token, NormStyle['dash'], NormStyle['symbol']]>> = {
  layernorm: ['norm-1', '1,0', 'circle'],
  rmsnorm: ['norm-2', '7,3', 'square'],
  'rmsnorm-nonparametric': ['norm-3', '9,3,2,3', 'triangle'],
  'layernorm-nonparametric': ['norm-4', '4,2', 'diamond'],
  crmsnorm: ['norm-5', '12,3', 'star'],
  dyt: ['norm-6', '1,0', 'hexagon'],
  scalenorm: ['norm-7', '3,2,1,2', 'cross'],
  none: ['norm-8', '1,4', 'times'],
  'layernorm-nobias': ['norm-1', '2,3', 'wye'],
  layernorm1p: ['norm-1', '6,6', 'cross'],
  prmsnorm: ['norm-2', '2,3', 'wye'],
  'rmsnorm-bias': ['norm-2', '6,6', 'cross'],
  rmsnorm1p: ['norm-2', '3,2,1,2', 'times'],
  'rmsnorm-gemma': ['norm-2', '12,3', 'star'],
};

/** The style of a norm by its catalogue id, the same everywhere; one that isn't in the catalogue takes it by its letters. */
export function normStyle(id: string): NormStyle {
  const look = Object.hasOwn(looks, id) ? looks[id] : undefined;
  if (look) return { stroke: color(look[0]), dash: look[1], symbol: look[2] };
  const position = [...id].reduce((sum, letter) => sum + (letter.codePointAt(0) ?? 0), 0);
  return {
    stroke: color(hues[position % hues.length] ?? 'norm-8'),
    dash: dashes[position % dashes.length] ?? '1,0',
    symbol: symbols[position % symbols.length] ?? 'circle',
  };
}
