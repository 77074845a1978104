import { describe, expect, it } from 'vitest';
import { normKinds } from '../norms/index.ts';
import { normStyle, type Token, tokens } from './palette.ts';

type Rgb = readonly [number, number, number];
const themes = ['light', 'dark'] as const;

function linear(hex: string): Rgb {
  const channel = (start: number) => {
    const value = Number.parseInt(hex.slice(start, start + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function times(matrix: readonly Rgb[], [r, g, b]: Rgb): Rgb {
  const row = (i: number) => {
    const [x, y, z] = matrix[i] ?? [0, 0, 0];
    return Math.min(1, Math.max(0, x * r + y * g + z * b));
  };
  return [row(0), row(1), row(2)];
}

function luminance([r, g, b]: Rgb): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [low = 0, high = 0] = [luminance(linear(a)), luminance(linear(b))].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function lab([r, g, b]: Rgb): Rgb {
  const f = (t: number) => (t > 216 / 24389 ? Math.cbrt(t) : (24389 / 27 / 116) * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505);
  const y = f(luminance([r, g, b]));
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

/** Full colour-vision deficiencies in linear RGB (Machado, Oliveira & Fernandes 2009). */
const visions: Readonly<Record<string, readonly Rgb[]>> = {
  common: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

describe('the palette', () => {
  it.each(themes)('is legible on the %s background', (theme) => {
    const paper = tokens.paper[theme];
    const atLeast = (names: readonly Token[], ratio: number) => {
      for (const name of names) expect(contrast(tokens[name][theme], paper), name).toBeGreaterThan(ratio);
    };
    atLeast(['ink', 'muted'], 4.5);
    atLeast(['alarm', 'norm-1', 'norm-2', 'norm-3', 'norm-4', 'norm-5', 'norm-6', 'norm-7', 'norm-8'], 3);
    for (const text of ['ink', 'muted'] as const)
      expect(contrast(tokens[text][theme], tokens.band[theme])).toBeGreaterThan(4.5);
  });

  /** The least distance of two norms' colours over all kinds of sight, in CIELAB. */
  function apart(a: string, b: string, theme: 'light' | 'dark'): number {
    const distances = Object.values(visions).map((matrix) => {
      const [p, q] = [a, b].map((id) => {
        const token = Object.entries(tokens).find(([name]) => normStyle(id).stroke === `var(--${name})`)?.[1];
        return lab(times(matrix, linear(token?.[theme] ?? '')));
      });
      return Math.hypot(...(p ?? []).map((value, k) => value - (q?.[k] ?? 0)));
    });
    return Math.min(...distances);
  }

  it.each(themes)('keeps the norms most often compared apart for colour-blind readers on %s', (theme) => {
    const ids = ['layernorm', 'rmsnorm', 'layernorm-nonparametric', 'rmsnorm-nonparametric', 'none', 'crmsnorm'];
    for (const [i, a] of ids.entries()) {
      for (const b of ids.slice(i + 1)) expect(apart(a, b, theme), `${a} and ${b}`).toBeGreaterThan(17);
    }
  });

  it('has one light value per token, as the standalone files need', () => {
    const values = Object.values(tokens).map(({ light }) => light);
    expect(new Set(values).size).toBe(values.length);
  });

  it('gives every norm of the catalogue its own look', () => {
    const looks = normKinds.map(({ id }) => normStyle(id));
    expect(looks.length).toBeGreaterThan(12);
    expect(new Set(looks.map(({ stroke, dash }) => `${stroke} ${dash}`)).size).toBe(looks.length);
    expect(new Set(looks.map(({ stroke, symbol }) => `${stroke} ${symbol}`)).size).toBe(looks.length);
    expect(normStyle('something-new')).toEqual(normStyle('something-new'));
    expect(normStyle('constructor').symbol).toBeTypeOf('string');
  });
});
