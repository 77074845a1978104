import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { color, type NormStyle } from '../palette.ts';

/** A plot as markup; its colours are `var(--token)` and `currentColor`. */
export interface Svg {
  readonly markup: string;
  readonly width: number;
  readonly height: number;
}

export interface LegendEntry {
  readonly label: string;
  readonly mark:
    | { readonly kind: 'line'; readonly style: NormStyle }
    | { readonly kind: 'limit'; readonly stroke: string }
    | { readonly kind: 'symbol'; readonly symbol: Plot.SymbolType; readonly stroke: string; readonly fill: string };
}

export interface SvgOptions {
  /** Unique within a page; every id in the markup starts with it. */
  readonly id: string;
  readonly title: string;
  /** What a reader who can't see the plot should know. */
  readonly description: string;
  readonly width: number;
  readonly height: number;
  readonly legend?: readonly LegendEntry[];
  readonly plot: Omit<Plot.PlotOptions, 'width' | 'height' | 'document'>;
}

export const fontSize = 12;
const legendRow = 20;
const swatch = 26;

/** Draws with Observable Plot and puts title, description and legend around it. */
export function drawSvg(options: SvgOptions): Svg {
  const drawn = Plot.plot({
    marginBottom: 44,
    ...options.plot,
    width: options.width,
    height: options.height,
    document: newDocument(),
  });
  const svg = drawn.tagName.toLowerCase() === 'svg' ? drawn : drawn.querySelector('svg');
  if (!svg) throw new Error(`report: the plot ${options.id} came back without an svg element`);
  const inner = tidy(svg.innerHTML, options.id);
  const legend = drawLegend(options.legend ?? [], options.width);
  const height = options.height + legend.height;
  const markup = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${options.width} ${height}" role="img"`,
    ` aria-labelledby="${options.id}-title ${options.id}-description" font-family="system-ui, sans-serif"`,
    ` font-size="${fontSize}" text-anchor="middle" fill="${color('ink')}" color="${color('ink')}">`,
    `<title id="${options.id}-title">${escapeText(options.title)}</title>`,
    `<desc id="${options.id}-description">${escapeText(options.description)}</desc>`,
    legend.markup,
    `<g transform="translate(0,${legend.height})">${inner}</g></svg>`,
  ].join('');
  return { markup, width: options.width, height };
}

export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function newDocument() {
  return parseHTML('<!doctype html><html><body></body></html>').document;
}

/** Drops Plot's own style sheet, makes ids the plot's own, and rounds coordinates to a hundredth of a pixel. */
function tidy(inner: string, id: string): string {
  const names = new Map<string, string>();
  return inner
    .replace(/<style>[\s\S]*?<\/style>/g, '')
    .replace(/plot-clip-\d+/g, (name) => {
      const own = names.get(name) ?? `${id}-clip-${names.size + 1}`;
      names.set(name, own);
      return own;
    })
    .replace(/="[^"]*"/g, (attribute) =>
      attribute.replace(/-?\d+\.\d{3,}/g, (number) => String(Number(Number(number).toFixed(2)))),
    )
    .replace(/ aria-(label|hidden)="[^"]*"/g, '');
}

/** A row of swatches, wrapped to the width. */
function drawLegend(entries: readonly LegendEntry[], width: number) {
  let x = 0;
  let row = 0;
  const parts = entries.map((entry) => {
    const needed = swatch + 6 + textWidth(entry.label) + 16;
    if (x > 0 && x + needed > width) {
      x = 0;
      row += 1;
    }
    const part = `<g transform="translate(${Math.round(x)},${row * legendRow + legendRow / 2})">${drawSwatch(entry)}<text x="${swatch + 6}" dy="0.35em" text-anchor="start">${escapeText(entry.label)}</text></g>`;
    x += needed;
    return part;
  });
  return { markup: parts.join(''), height: entries.length === 0 ? 0 : (row + 1) * legendRow + 4 };
}

function drawSwatch({ mark }: LegendEntry): string {
  if (mark.kind === 'line') {
    return `<line x1="0" x2="${swatch}" y1="0" y2="0" stroke="${mark.style.stroke}" stroke-width="2.5" stroke-dasharray="${mark.style.dash}"/>`;
  }
  if (mark.kind === 'limit') {
    return `<line x1="${swatch / 2}" x2="${swatch / 2}" y1="-7" y2="7" stroke="${mark.stroke}" stroke-width="2"/>`;
  }
  const drawn = Plot.plot({
    document: newDocument(),
    axis: null,
    margin: 0,
    width: swatch,
    height: legendRow,
    marks: [
      Plot.dot([0], { frameAnchor: 'middle', symbol: mark.symbol, r: 4.5, stroke: mark.stroke, fill: mark.fill }),
    ],
  });
  return `<g transform="translate(0,${-legendRow / 2})">${tidy(drawn.innerHTML, 'legend')}</g>`;
}

/** About how wide a text is, in pixels, rather too much; Node measures none. */
export function textWidth(text: string): number {
  const capitals = text.match(/\p{Lu}/gu)?.length ?? 0;
  return (text.length * 0.6 + capitals * 0.2) * fontSize;
}
