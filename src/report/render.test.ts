import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { answer } from './answer.ts';
import { renderHtml } from './html.ts';
import { escapeMarkdown, renderMarkdown } from './markdown.ts';
import { syntheticResults, without } from './results.fixture.ts';
import { parseResults, type StudyResults } from './results.ts';
import { writeReport } from './write.ts';

const results = syntheticResults();
const bare = without(results, 'training', 'speed', 'conversions', 'evidence');
const hostileText = '</title><script>alert("1")</script>|`*_[x](y)\n# <img src=x onerror=alert(1)>';

/** Results with the same hostile text wherever a string may come from outside. */
function hostile(): StudyResults {
  const { training, conversions, evidence, speed } = results;
  if (!training || !conversions || !evidence || !speed) throw new Error('the fixture is complete');
  return {
    ...results,
    profile: hostileText,
    machine: { ...results.machine, cpu: hostileText },
    commands: [`normlab study '${hostileText}' \`\`\``],
    training: {
      ...training,
      norms: training.norms.map((norm, i) => ({ ...norm, name: `${i}${hostileText}` })),
      optimizer: { ...training.optimizer, other: { [hostileText]: hostileText } },
    },
    speed: { ...speed, runtimeLabel: hostileText },
    conversions: conversions.map((conversion) => ({ ...conversion, source: hostileText, note: hostileText })),
    evidence: {
      ...evidence,
      rows: evidence.rows.map((row) => ({ ...row, model: hostileText, source: { ...row.source, label: hostileText } })),
    },
  };
}

describe('report.html', () => {
  const html = renderHtml(results);
  const { document } = parseHTML(html);

  it('is one file without scripts or requests', () => {
    expect(document.querySelectorAll('script, link, iframe, object, embed, img, base, form').length).toBe(0);
    expect(html).not.toMatch(/@import|url\((?!#)|\son\w+=|\bsrc=/);
  });

  it('holds the answer, every figure twice with a caption, and the command', () => {
    const { headline, summary } = answer(results);
    expect(document.querySelector('.headline')?.textContent).toBe(headline);
    expect(document.querySelector('.headline + p')?.textContent).toBe(summary);
    const figures = [...document.querySelectorAll('figure')];
    expect(figures.length).toBe(7);
    for (const figure of figures) {
      expect(figure.querySelectorAll('svg').length).toBe(2);
      expect(figure.querySelector('figcaption')?.textContent?.length).toBeGreaterThan(80);
    }
    expect(document.querySelector('pre')?.textContent).toBe(results.commands.join('\n'));
  });

  it('has unique ids, working anchors, and rows as long as their heads', () => {
    const ids = [...html.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of html.matchAll(/href="#([^"]*)"/g)) expect(ids).toContain(target);
    for (const [, references = ''] of html.matchAll(/aria-labelledby="([^"]*)"/g)) {
      for (const reference of references.split(' ')) expect(ids).toContain(reference);
    }
    const tables = [...document.querySelectorAll('table')];
    expect(tables.length).toBeGreaterThan(7);
    for (const table of tables) {
      const columns = table.querySelectorAll('thead th').length;
      for (const row of table.querySelectorAll('tbody tr')) expect(row.querySelectorAll('td').length).toBe(columns);
    }
  });

  it('defines every colour that it uses, in both themes', () => {
    for (const [, token] of html.matchAll(/var\(--([^)]*)\)/g)) {
      expect(html.split(`--${token}:`).length - 1, token).toBe(2);
    }
  });

  it('escapes whatever the results hold', () => {
    const page = renderHtml(parseResults(hostile()));
    const parsed = parseHTML(page).document;
    expect(parsed.querySelectorAll('script, img').length).toBe(0);
    expect(page).not.toContain('<script');
    expect(page).not.toContain('<img');
    expect(parsed.querySelector('.byline')?.textContent).toContain('<script>alert("1")</script>');
  });

  it('says how the times were composed once, and the layers in the table', () => {
    const { speed } = results;
    const composed = (layers: number) => `Composed: ${layers} × one measured block and the head.`;
    const shares = speed?.shares.map((share) => ({ ...share, composed: composed(share.layers) })) ?? [];
    const page = parseHTML(renderHtml({ ...results, speed: speed && { ...speed, shares } })).document;
    const caption = page.querySelector('#time-share figcaption')?.textContent ?? '';
    expect(caption.split('Composed:').length - 1).toBe(1);
    expect(caption).toContain('Composed: layers × one measured block and the head.');
    const rows = [...page.querySelectorAll('#speed tbody tr')].map((row) =>
      [...row.querySelectorAll('td')].map((cell) => cell.textContent),
    );
    expect(rows[0]?.slice(0, 3)).toEqual(['GPT-3 Small', '12', 'LayerNorm']);
    expect(rows[4]?.slice(0, 3)).toEqual(['GPT-3 Medium', '24', 'LayerNorm']);
  });

  it('writes the memory of the machine with three digits', () => {
    const page = renderHtml({ ...results, machine: { ...results.machine, memoryGiB: 23.538986206054688 } });
    expect(page).toContain(' 23.5 GiB');
  });

  it('says of runs too short to judge that they were not judged', () => {
    const { training } = results;
    const norms = training?.norms.map((norm) => ({
      ...norm,
      runs: norm.runs.map((run) => ({ ...run, spikeSteps: [], gradNormSpikeScore: null, lossSpikeScore: null })),
    }));
    const page = renderHtml({ ...results, training: training && { ...training, norms: norms ?? [] } });
    expect(page).toContain('LayerNorm: too short to judge');
    expect(page).not.toContain('no spikes');
    expect(renderHtml(results)).toContain('no spikes');
  });

  it('speaks of no band, interval or margin where there is one seed, and of no timing where there is none', () => {
    const single = renderHtml(without(syntheticResults({ seeds: 1 }), 'speed', 'conversions'));
    const words = parseHTML(single).document.querySelector('#quality')?.textContent ?? '';
    expect(words).not.toMatch(/bands?\b|confidence interval, in|±margin|next section/);
    expect(words).toContain('One pair has no confidence interval.');
    expect(single).toContain('Runs of 2,000 steps from one seed cannot');
    expect(html).toMatch(/bands: lowest to highest[\s\S]*the next section has one/);
  });

  it('is still a report where nothing was measured', () => {
    const page = parseHTML(renderHtml(bare)).document;
    expect(page.querySelector('.headline')?.textContent).toMatch(/^Not measured\./);
    expect(page.querySelectorAll('figure, table').length).toBe(0);
    expect(page.body.textContent).toContain('training was switched off');
  });
});

describe('report.md', () => {
  it('refers to exactly the plots that come with it', () => {
    const { markdown, plots } = renderMarkdown(results);
    const named = [...markdown.matchAll(/!\[[^\]]*\]\(([^)]*)\)/g)].map(([, path]) => path);
    expect(named).toEqual([...plots.keys()]);
    expect(named.length).toBe(7);
    expect(renderMarkdown(bare).plots.size).toBe(0);
  });

  it('keeps its tables whole whatever the cells hold', () => {
    const markdown = renderMarkdown(parseResults(hostile())).markdown.replace(/^(````)[\s\S]*?^````$/m, '');
    expect(markdown).not.toMatch(/<(script|img|b)\b/);
    const columns = (line: string) => line.replaceAll('\\|', '').split('|').length;
    const tables = markdown.split('\n\n').filter((block) => block.startsWith('| '));
    expect(tables.length).toBeGreaterThan(7);
    for (const table of tables) {
      const lines = table.split('\n');
      expect(new Set(lines.map(columns)).size, lines[0]).toBe(1);
    }
  });

  it('keeps a fold on one line, so that no text can leave it', () => {
    const { markdown } = renderMarkdown({ ...hostile() });
    for (const [line] of markdown.matchAll(/^<summary>.*$/gm)) expect(line).toMatch(/<\/summary>$/);
  });

  it('fences a command that holds fences', () => {
    expect(renderMarkdown(hostile()).markdown).toContain('\n````sh\n');
  });

  it('escapes markup', () => {
    expect(escapeMarkdown('a|b *c* <d>\n# e')).toBe('a\\|b \\*c\\* &lt;d&gt; \\# e');
  });
});

describe('writeReport', () => {
  it('writes every file, report.json as it came, and the same bytes again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'normlab-report-'));
    try {
      const target = join(folder, 'new', 'report');
      const written = await writeReport(target, results);
      expect(written.length).toBe(10);
      expect((await readdir(target)).sort()).toEqual(['plots', 'report.html', 'report.json', 'report.md']);
      expect((await readdir(join(target, 'plots'))).length).toBe(7);
      expect(parseResults(JSON.parse(await readFile(join(target, 'report.json'), 'utf8')))).toEqual(results);
      const html = await readFile(join(target, 'report.html'), 'utf8');
      await writeReport(target, results);
      expect(await readFile(join(target, 'report.html'), 'utf8')).toBe(html);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('writes nothing of malformed results', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'normlab-report-'));
    try {
      const malformed = { ...results, commands: [] };
      await expect(writeReport(folder, malformed)).rejects.toThrow('report: results.commands');
      expect(await readdir(folder)).toEqual([]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
