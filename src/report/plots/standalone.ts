import { type Token, tokens } from '../palette.ts';
import type { Svg } from './svg.ts';

/**
 * A plot as a file of its own: an opaque background, light by default and dark where the viewer prefers dark.
 * Every colour is written out, so that viewers without style sheets show the light theme.
 */
export function standaloneSvg({ markup, width, height }: Svg): string {
  const margin = 12;
  const box = `${-margin} ${-margin} ${width + 2 * margin} ${height + 2 * margin}`;
  const background = `<rect x="${-margin}" y="${-margin}" width="${width + 2 * margin}" height="${height + 2 * margin}" fill="var(--paper)"/>`;
  const written = markup
    .replace(/viewBox="[^"]*"/, `viewBox="${box}" width="${width + 2 * margin}" height="${height + 2 * margin}"`)
    .replace(/<\/desc>/, `</desc>${darkTheme()}${background}`)
    .replace(/var\(--([a-z0-9-]+)\)/g, (reference, token: string) =>
      isToken(token) ? tokens[token].light : reference,
    );
  return `<?xml version="1.0" encoding="UTF-8"?>\n${written}\n`;
}

function darkTheme(): string {
  const rules = Object.values(tokens).flatMap(({ light, dark }) =>
    ['fill', 'stroke', 'color'].map((property) => `[${property}="${light}"]{${property}:${dark}}`),
  );
  return `<style>@media (prefers-color-scheme: dark){${rules.join('')}}</style>`;
}

function isToken(name: string): name is Token {
  return Object.hasOwn(tokens, name);
}
