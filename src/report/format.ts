import type { Interval } from './results.ts';

const minus = '−';
const superscripts: Readonly<Record<string, string>> = {
  '-': '⁻',
  0: '⁰',
  1: '¹',
  2: '²',
  3: '³',
  4: '⁴',
  5: '⁵',
  6: '⁶',
  7: '⁷',
  8: '⁸',
  9: '⁹',
};

/** A number with fixed decimals, thousands separated, and a true minus sign: `−1,234.50`. */
export function fixed(value: number, decimals: number): string {
  const shown = Math.abs(value).toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return value < 0 && /[1-9]/.test(shown) ? minus + shown : shown;
}

/** As `fixed`, with a plus sign in front of what is above zero. */
export function signed(value: number, decimals: number): string {
  const shown = fixed(value, decimals);
  return value > 0 && /[1-9]/.test(shown) ? `+${shown}` : shown;
}

/** A number with the given significant digits: `0.0123`, `12.3`, `1,230`. */
export function significant(value: number, digits = 3): string {
  if (value === 0) return '0';
  const magnitude = Math.floor(Math.log10(Math.abs(value)));
  if (magnitude < -4) return scientific(value, digits - 1);
  return fixed(Number(value.toPrecision(digits)), Math.max(0, digits - 1 - magnitude));
}

/** `2.3 × 10⁻⁷`; zero stays `0`. */
export function scientific(value: number, decimals = 1): string {
  if (value === 0) return '0';
  const [mantissa = '', exponent = '0'] = value.toExponential(decimals).split('e');
  return `${mantissa.replace('-', minus)} × ${powerOfTen(Number(exponent))}`;
}

/** `10⁻⁷`. */
export function powerOfTen(exponent: number): string {
  return `10${[...String(exponent)].map((digit) => superscripts[digit] ?? digit).join('')}`;
}

/** A proportion as a percentage: `3.1%`. */
export function percent(proportion: number, decimals = 1): string {
  return `${fixed(proportion * 100, decimals)}%`;
}

/** `95% CI −0.0021 to +0.0045`, each end written by `write`. */
export function confidenceInterval([low, high]: Interval, write: (end: number) => string, level = 0.95): string {
  return `${percent(level, 0)} CI ${write(low)} to ${write(high)}`;
}

/** A p-value: `p = 0.012`, and `p < 0.001` below that. */
export function pValue(p: number): string {
  return p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(p < 0.1 ? 3 : 2)}`;
}

/** `0.88 million`, `1.3 billion`, `12,300`. */
export function quantity(value: number): string {
  if (value >= 1e9) return `${significant(value / 1e9, 2)} billion`;
  if (value >= 1e5) return `${significant(value / 1e6, 2)} million`;
  return fixed(value, 0);
}

/** `2 h 5 min`, `3 min 20 s`, `12 s`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return whole % 60 === 0 ? `${minutes} min` : `${minutes} min ${whole % 60} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `one seed`, `3 seeds`. */
export function plural(n: number, noun: string): string {
  return n === 1 ? `one ${noun}` : `${fixed(n, 0)} ${noun}s`;
}

/** `a`, `a and b`, `a, b and c`. */
export function enumeration(items: readonly string[]): string {
  const last = items.at(-1) ?? '';
  return items.length < 2 ? last : `${items.slice(0, -1).join(', ')} and ${last}`;
}

/** With a capital at the beginning. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
