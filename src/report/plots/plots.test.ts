import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { normKinds } from '../../norms/index.ts';
import { withModel } from '../model-results.fixture.ts';
import { tokens } from '../palette.ts';
import { syntheticResults, without } from '../results.fixture.ts';
import type { StudyResults } from '../results.ts';
import { figures, standaloneSvg } from './index.ts';
import { textWidth } from './svg.ts';

const results = withModel(syntheticResults());
const all = Object.values(figures);

/** The names of tags that are left open or closed out of turn. */
function unbalanced(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, closing, name = '', selfClosed] of xml.matchAll(/<(\/?)([a-zA-Z]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (closing) {
      if (open.pop() !== name) return [name];
    } else if (!selfClosed) open.push(name);
  }
  return open;
}

function drawn(figure: (typeof all)[number], from: StudyResults = results, width = 720): string {
  return figure.draw(from, width, 'x-')?.markup ?? '';
}

describe.each(all.map((figure) => [figure.id, figure] as const))('%s', (id, figure) => {
  it.each([350, 720])('is an accessible, scalable, well-formed picture of width %i', (width) => {
    const markup = drawn(figure, results, width);
    expect(markup).toContain(`viewBox="0 0 ${width} `);
    expect(markup).toContain(`role="img" aria-labelledby="x-${id}-title x-${id}-description"`);
    expect(markup).toMatch(new RegExp(`<title id="x-${id}-title">.{10,}</title>`));
    expect(markup).toMatch(new RegExp(`<desc id="x-${id}-description">.{20,}</desc>`));
    expect(unbalanced(markup)).toEqual([]);
    expect(markup).not.toMatch(/NaN|undefined|Infinity/);
    for (const [, own = ''] of markup.matchAll(/ id="([^"]*)"/g)) expect(own).toMatch(/^x-/);
  });

  it('takes every colour from the palette', () => {
    const markup = drawn(figure);
    expect(markup).not.toMatch(/(?:fill|stroke|color)="(?:#|rgb|hsl|black|white)/);
    for (const [, token = ''] of markup.matchAll(/var\(--([^)]*)\)/g)) expect(Object.keys(tokens)).toContain(token);
  });

  it('stands alone with written-out colours, a background and a dark theme', () => {
    const svg = figure.draw(results, 560);
    const file = svg ? standaloneSvg(svg) : '';
    expect(file).not.toContain('var(');
    expect(file).toContain(`fill="${tokens.paper.light}"`);
    expect(file).toContain(`[fill="${tokens.paper.light}"]{fill:${tokens.paper.dark}}`);
    expect(unbalanced(file)).toEqual([]);
  });

  it('says in its caption what it shows', () => {
    expect(figure.caption(results).length).toBeGreaterThan(80);
  });

  it('is drawn again from the same results byte for byte', () => {
    expect(drawn(figure)).toBe(drawn(figure));
  });

  it('is left out where there is nothing to draw', () => {
    expect(drawn(figure, without(results, 'model', 'training', 'speed', 'conversions', 'evidence'))).toBe('');
  });
});

/** The x of each circle that is filled with the token. */
function positions(markup: string, token: string): readonly number[] {
  const { document } = parseHTML(`<!doctype html><html><body>${markup}</body></html>`);
  return [...document.querySelectorAll('circle')].flatMap((circle) =>
    circle.closest('[fill]')?.getAttribute('fill') === `var(--${token})` ? [Number(circle.getAttribute('cx'))] : [],
  );
}

describe('what is drawn', () => {
  it('marks each spike once', () => {
    const spikes = results.training?.norms.flatMap((norm) => norm.runs.flatMap((run) => run.spikeSteps)) ?? [];
    expect(spikes.length).toBeGreaterThan(5);
    const group = drawn(figures.gradientNorms).split('stroke="var(--alarm)"').length - 1;
    const circles = drawn(figures.gradientNorms).match(/<circle /g)?.length;
    expect(group).toBeGreaterThan(0);
    expect(circles).toBe(spikes.length);
  });

  it('puts a slower norm to the right of a faster one', () => {
    const markup = drawn(figures.timeShare);
    const mean = (xs: readonly number[]) => xs.reduce((sum, x) => sum + x, 0) / xs.length;
    const [layerNorm, rmsNorm, crmsNorm, none] = ['norm-1', 'norm-2', 'norm-5', 'norm-8'].map((token) =>
      mean(positions(markup, token)),
    );
    expect(none).toBeLessThan(rmsNorm ?? 0);
    expect(rmsNorm).toBeLessThan(layerNorm ?? 0);
    expect(layerNorm).toBeLessThan(crmsNorm ?? 0);
  });

  it('marks a certificate figure over its limit, and shows an exact zero', () => {
    const conversions = (results.conversions ?? []).map((conversion, i) => {
      const { certificate } = conversion;
      const maxAbsLogit = i === 0 ? 1e-3 : 0;
      return { ...conversion, certificate: { ...certificate, algebra: { ...certificate.algebra, maxAbsLogit } } };
    });
    const markup = drawn(figures.certificate, { ...results, conversions });
    expect(markup).toContain('over its limit');
    expect(markup).toContain('exactly 0');
    expect(drawn(figures.certificate)).not.toContain('over its limit');
  });

  it('shows a diverged run apart from the mean', () => {
    const diverging = syntheticResults({ diverged: { rmsnorm: 2 } });
    const paths = (markup: string) =>
      markup.match(/<path d="M[^"]*" stroke="var\(--norm-2\)"|stroke="var\(--norm-2\)"/g)?.length ?? 0;
    expect(paths(drawn(figures.validationLoss, diverging))).toBe(paths(drawn(figures.validationLoss)) + 2);
    expect(figures.validationLoss.caption(diverging)).toContain('2 runs that diverged');
  });

  it('draws the symbol of every norm of the catalogue in its colour, also one that has no inside', () => {
    const missing = normKinds.map(({ id }) => id).filter((id) => !results.training?.norms.some((own) => own.id === id));
    const markup = drawn(figures.pairedDifferences, syntheticResults({ moreNorms: missing }));
    const symbols = [...markup.matchAll(/<g ([^>]*)><path d="([^"]*)" transform=[^>]*\/><\/g>/g)];
    expect(symbols.length).toBe(normKinds.length - 1);
    for (const [, paint = '', outline = ''] of symbols) {
      expect(paint, outline).toMatch(outline.endsWith('Z') ? / fill="var\(--norm-/ : / stroke="var\(--norm-/);
    }
  });

  it('keeps the figures of the differences in a column right of the whiskers', () => {
    const markup = drawn(figures.pairedDifferences);
    const ends = [...markup.matchAll(/norm-\d\)" fill="none"><path d="M[\d.]+,[\d.]+L([\d.]+),/g)].map(([, end]) =>
      Number(end),
    );
    const widths = [...markup.matchAll(/>([+−][\d.]+ \([^)]*\))</g)].map(([, figures = '']) => textWidth(figures));
    expect(ends.length).toBe(4);
    expect(widths.length).toBe(4);
    expect(Math.max(...ends)).toBeLessThan(720 - Math.max(...widths));
  });

  it('survives one seed, one size and one norm', () => {
    const single = withModel(syntheticResults({ seeds: 1 }));
    for (const figure of all) expect(drawn(figure, single, 350), figure.id).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('escapes names', () => {
    const { training } = results;
    const norms = training?.norms.map((norm) => ({ ...norm, name: `<b>"${norm.name}" & co</b>` })) ?? [];
    const hostile = { ...results, training: training && { ...training, norms } };
    for (const figure of all) {
      const markup = drawn(figure, hostile);
      expect(markup, figure.id).not.toContain('<b>');
      expect(unbalanced(markup)).toEqual([]);
    }
  });
});
