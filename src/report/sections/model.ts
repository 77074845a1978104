import type { ModelAnswer } from '../answer/model.ts';
import { timeOf } from '../answer/model-time.ts';
import type { Block, Section } from '../document.ts';
import { fixed, percent, scientific, significant } from '../format.ts';
import type { ModelResults, ModelTiming } from '../model-results.ts';
import { catalogueName } from '../names.ts';
import { figures } from '../plots/index.ts';
import { prose } from './prose.ts';

/** What a study says of the model that it was asked about: what it is, how it switches, what that does to its time. */
export function modelSections(model: ModelResults, answered: ModelAnswer): readonly Section[] {
  return [
    { id: 'model', heading: `What ${model.name} is`, blocks: [...prose(answered.subject), ...subjectBlocks(model)] },
    {
      id: 'switching',
      heading: `Switching ${model.name}`,
      blocks: [...prose(answered.switching), ...conversionBlocks(model)],
    },
    {
      id: 'model-time-here',
      heading: `The time of ${model.name} on this machine`,
      blocks: [...prose(answered.time), ...timeBlocks(model)],
    },
  ];
}

function subjectBlocks({ description, norms }: ModelResults): readonly Block[] {
  const tables: readonly (Block & { readonly kind: 'table' })[] = [
    {
      kind: 'table',
      folded: true,
      table: {
        caption: 'Its norms, in the order in which data flow through them.',
        columns: [
          { heading: 'Norm' },
          { heading: 'Where' },
          { heading: 'Count', numeric: true },
          { heading: 'Width', numeric: true },
          { heading: 'ε', numeric: true },
          { heading: 'Parameters', numeric: true },
        ],
        rows: norms.map(({ name, where, count, width, epsilon, parameters }) => [
          name,
          where,
          fixed(count, 0),
          fixed(width, 0),
          String(epsilon),
          fixed(parameters, 0),
        ]),
      },
    },
    {
      kind: 'table',
      folded: true,
      table: {
        caption: 'Its architecture, as its config.json has it.',
        columns: [{ heading: 'Part' }, { heading: 'What it is' }],
        rows: description.map(({ label, text }) => [label, text]),
      },
    },
  ];
  return tables.filter(({ table }) => table.rows.length > 0);
}

function conversionBlocks({ conversions }: ModelResults): readonly Block[] {
  const converted = conversions.filter((conversion) => conversion.outcome === 'converted');
  if (converted.length === 0) return [];
  const figure = (pick: 'algebra' | 'stored' | 'run' | 'floor') =>
    converted.map(({ certificate }) => (certificate === null ? '–' : scientific(certificate[pick].maxAbsLogit)));
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['Folder', converted.map(({ folder }) => folder)],
    ['Format', converted.map(({ format }) => format)],
    ['Stored as', converted.map(({ dtype }) => dtype)],
    ['Tensors rewritten', converted.map((c) => `${fixed(c.tensorsRewritten, 0)} of ${fixed(c.tensors, 0)}`)],
    ['Max |Δlogit|, algebra', figure('algebra')],
    ['Max |Δlogit|, stored', figure('stored')],
    ['Max |Δlogit|, run', figure('run')],
    ['Max |Δlogit|, floor', figure('floor')],
    [
      'Most likely token the same',
      converted.map(({ certificate }) => (certificate === null ? '–' : percent(certificate.run.top1Agreement, 2))),
    ],
    [
      'Perplexity before → after',
      converted.map(({ perplexity }) =>
        perplexity === null ? '–' : `${significant(perplexity.before, 6)} → ${significant(perplexity.after, 6)}`,
      ),
    ],
    ['Certificate', converted.map(({ certificate }) => (certificate === null ? 'none' : 'passed'))],
  ];
  return [
    ...(converted.some(({ certificate }) => certificate !== null)
      ? [{ kind: 'figure', figure: figures.modelCertificate } as const]
      : []),
    {
      kind: 'table',
      folded: false,
      table: {
        caption: 'What was written, and how equal it is. Each folder holds its certificate in full.',
        columns: [
          { heading: '' },
          ...converted.map(({ target }) => ({ heading: catalogueName(target), numeric: true })),
        ],
        rows: rows.map(([label, cells]) => [label, ...cells]),
      },
    },
  ];
}

function timeBlocks({ timing }: ModelResults): readonly Block[] {
  if (timing === null) return [];
  return [{ kind: 'figure', figure: figures.modelTime }, timeTable(timing)];
}

function timeTable({ variants, workloads, baseline }: ModelTiming): Block {
  const ways = ['kernels', 'plain'] as const;
  return {
    kind: 'table',
    folded: false,
    table: {
      caption:
        'Milliseconds, and the ratio to the model as it is, its norms written alike, with its 95% confidence interval.',
      columns: [
        { heading: 'What' },
        { heading: 'Norms by' },
        { heading: 'Variant' },
        { heading: 'ms', numeric: true },
        { heading: 'Ratio', numeric: true },
        { heading: '95% CI', numeric: true },
      ],
      rows: workloads.flatMap((workload) =>
        ways.flatMap((way) =>
          variants
            .flatMap(({ id, name }) => {
              const time = timeOf(workload, id, way);
              return time === undefined ? [] : [{ id, name, time }];
            })
            .map(({ id, name, time }, i) => [
              i === 0 && way === 'kernels' ? whatOf(workload) : '',
              i === 0 ? (way === 'kernels' ? 'kernels' : 'plain operations') : '',
              name,
              significant(time.milliseconds, 4),
              fixed(time.relative, 3),
              id === baseline ? '–' : `${fixed(time.ci[0], 3)} to ${fixed(time.ci[1], 3)}`,
            ]),
        ),
      ),
    },
  };
}

function whatOf({ id, tokens }: ModelTiming['workloads'][number]): string {
  return id === 'prompt' ? `${fixed(tokens, 0)} tokens at once` : `a token after ${fixed(tokens, 0)}`;
}
