import type { Block, Inline, Section, Table } from './document.ts';
import type { Figure } from './plots/index.ts';
import { escapeText } from './plots/svg.ts';
import type { StudyResults } from './results.ts';
import { composeDocument } from './sections/index.ts';
import { styleSheet } from './style.ts';

/** Pixels of a figure on a page and on a phone; both are in the page, and the style sheet shows one. */
const widths = { wide: 720, narrow: 350 } as const;

/** The report as one file: no scripts, no requests, light and dark. */
export function renderHtml(results: StudyResults): string {
  const report = composeDocument(results);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeText(report.title)}</title>
<style>${styleSheet()}</style>
</head>
<body>
<header>
<h1>${escapeText(report.title)}</h1>
<p class="headline">${escapeText(report.headline)}</p>
<p class="summary">${escapeText(report.summary)}</p>
<p class="byline">${escapeText(report.byline)}</p>
<nav aria-label="Contents">${report.sections.map(({ id, heading }) => `<a href="#${escapeText(id)}">${escapeText(heading)}</a>`).join('')}</nav>
</header>
<main>
${report.sections.map((section) => renderSection(section, results)).join('\n')}
</main>
<footer></footer>
</body>
</html>
`;
}

function renderSection({ id, heading, blocks }: Section, results: StudyResults): string {
  return `<section id="${escapeText(id)}">
<h2>${escapeText(heading)}</h2>
${blocks.map((block) => renderBlock(block, results)).join('\n')}
</section>`;
}

function renderBlock(block: Block, results: StudyResults): string {
  switch (block.kind) {
    case 'paragraph':
      return `<p>${block.content.map(renderInline).join('')}</p>`;
    case 'list':
      return `<ul>${block.items.map((item) => `<li>${escapeText(item)}</li>`).join('')}</ul>`;
    case 'code':
      return `<pre tabindex="0"><code>${block.lines.map(escapeText).join('\n')}</code></pre>`;
    case 'figure':
      return renderFigure(block.figure, results);
    case 'table':
      return block.folded
        ? `<details><summary>${escapeText(block.table.caption)}</summary>${renderTable(block.table, false)}</details>`
        : renderTable(block.table, true);
  }
}

function renderInline(inline: Inline): string {
  if (typeof inline === 'string') return escapeText(inline);
  if ('code' in inline) return `<code>${escapeText(inline.code)}</code>`;
  return `<a href="${escapeText(inline.href)}" rel="noreferrer">${escapeText(inline.link)}</a>`;
}

function renderFigure(figure: Figure, results: StudyResults): string {
  const wide = figure.draw(results, widths.wide, 'wide-');
  const narrow = figure.draw(results, widths.narrow, 'narrow-');
  if (!wide || !narrow) return '';
  return `<figure id="${figure.id}">
<p class="figure-title">${escapeText(figure.title)}</p>
<div class="wide">${wide.markup}</div>
<div class="narrow">${narrow.markup}</div>
<figcaption>${escapeText(figure.caption(results))}</figcaption>
</figure>`;
}

function renderTable({ caption, columns, rows }: Table, withCaption: boolean): string {
  const classOf = (i: number) => (columns[i]?.numeric ? ' class="numeric"' : '');
  const head = columns.map(({ heading }, i) => `<th scope="col"${classOf(i)}>${escapeText(heading)}</th>`).join('');
  const body = rows
    .map((row) => `<tr>${row.map((cell, i) => `<td${classOf(i)}>${renderInline(cell)}</td>`).join('')}</tr>`)
    .join('\n');
  const label = escapeText(caption);
  return `<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table aria-label="${label}">
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody></table></div>${withCaption ? `\n<p class="caption">${label}</p>` : ''}`;
}
