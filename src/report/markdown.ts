import type { Block, Inline, Table } from './document.ts';
import { type Figure, standaloneSvg } from './plots/index.ts';
import { escapeText } from './plots/svg.ts';
import type { StudyResults } from './results.ts';
import { composeDocument } from './sections/index.ts';

/** Pixels; narrow enough to stay legible where a page shrinks the picture to a phone. */
const plotWidth = 560;

export interface MarkdownReport {
  readonly markdown: string;
  /** SVG files by the path that the markdown names: `plots/validation-loss.svg`. */
  readonly plots: ReadonlyMap<string, string>;
}

/** The report as GitHub-flavoured Markdown, and the plots that it shows. */
export function renderMarkdown(results: StudyResults): MarkdownReport {
  const report = composeDocument(results);
  const plots = new Map<string, string>();
  const parts = [
    `# ${escapeMarkdown(report.title)}`,
    `**${escapeMarkdown(report.headline)}**`,
    `> ${escapeMarkdown(report.summary)}`,
    `*${escapeMarkdown(report.byline)}*`,
    ...report.sections.flatMap(({ heading, blocks }) => [
      `## ${escapeMarkdown(heading)}`,
      ...blocks.map((block) => renderBlock(block, results, plots)),
    ]),
  ];
  return { markdown: `${parts.filter((part) => part !== '').join('\n\n')}\n`, plots };
}

function renderBlock(block: Block, results: StudyResults, plots: Map<string, string>): string {
  switch (block.kind) {
    case 'paragraph':
      return block.content.map(renderInline).join('');
    case 'list':
      return block.items.map((item) => `- ${escapeMarkdown(item)}`).join('\n');
    case 'code':
      return fenced(block.lines);
    case 'figure':
      return renderFigure(block.figure, results, plots);
    case 'table':
      return block.folded
        ? `<details>\n<summary>${escapeText(block.table.caption.replace(/\s+/g, ' '))}</summary>\n\n${renderTable(block.table)}\n\n</details>`
        : `${renderTable(block.table)}\n\n${escapeMarkdown(block.table.caption)}`;
  }
}

function renderInline(inline: Inline): string {
  if (typeof inline === 'string') return escapeMarkdown(inline);
  if ('code' in inline) return `\`${inline.code}\``;
  return `[${escapeMarkdown(inline.link)}](<${inline.href.replace(/[<>\s]/g, encodeURIComponent)}>)`;
}

function renderFigure(figure: Figure, results: StudyResults, plots: Map<string, string>): string {
  const svg = figure.draw(results, plotWidth);
  if (!svg) return '';
  const path = `plots/${figure.id}.svg`;
  plots.set(path, standaloneSvg(svg));
  return [
    `**${escapeMarkdown(figure.title)}**`,
    `![${escapeMarkdown(figure.title)}](${path})`,
    escapeMarkdown(figure.caption(results)),
  ].join('\n\n');
}

function renderTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ heading }) => escapeMarkdown(heading))),
    line(columns.map(({ numeric }) => (numeric ? '---:' : '---'))),
    ...rows.map((row) => line(row.map(renderInline))),
  ].join('\n');
}

function fenced(lines: readonly string[]): string {
  const longest = Math.max(0, ...lines.flatMap((line) => [...line.matchAll(/`+/g)].map(([ticks]) => ticks.length)));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}sh\n${lines.join('\n')}\n${fence}`;
}

/** Makes text mean itself: no markup, no HTML, no table cell's end, one line. */
export function escapeMarkdown(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replace(/[\\`*_[\]|~$#]/g, (character) => `\\${character}`);
}
