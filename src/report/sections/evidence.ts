import type { Block, Inline } from '../document.ts';
import type { Source, StudyResults } from '../results.ts';

/** Evidence: published numbers, corrections, and what each model report says. */
export function evidenceBlocks({ evidence }: StudyResults): readonly Block[] {
  if (!evidence) return [];
  const { rows, quantitative, corrections } = evidence;
  const blocks: readonly (Block & { readonly kind: 'table' })[] = [
    {
      kind: 'table',
      folded: false,
      table: {
        caption: 'Published comparisons with numbers.',
        columns: [{ heading: 'Paper' }, { heading: 'Setting' }, { heading: 'Result' }, { heading: 'Source' }],
        rows: quantitative.map((entry) => [entry.paper, entry.setting, entry.result, cite(entry.source)]),
      },
    },
    {
      kind: 'table',
      folded: false,
      table: {
        caption: 'What is often said and does not hold.',
        columns: [{ heading: 'Often said' }, { heading: 'What the source says' }, { heading: 'Source' }],
        rows: corrections.map((entry) => [entry.belief, entry.correction, cite(entry.source)]),
      },
    },
    {
      kind: 'table',
      folded: true,
      table: {
        caption: `What ${rows.length} models use, the reason their reports give, and whether they compared.`,
        columns: [
          { heading: 'Model' },
          { heading: 'Norm' },
          { heading: 'Placement' },
          { heading: 'ε', numeric: true },
          { heading: 'Stated reason' },
          { heading: 'Comparison' },
          { heading: 'Source' },
          { heading: 'Backing' },
        ],
        rows: rows.map((row) => [
          row.model,
          row.norm,
          row.placement,
          row.epsilon ?? '–',
          row.statedReason ?? '–',
          row.ablation ?? '–',
          cite(row.source),
          row.confidence,
        ]),
      },
    },
  ];
  return blocks.filter(({ table }) => table.rows.length > 0);
}

function cite(source: Source): Inline {
  return source.url === null ? source.label : { link: source.label, href: source.url };
}
