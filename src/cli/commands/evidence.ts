import { formatTable } from '../../core/format.ts';
import {
  describeModel,
  describePaper,
  type EvidenceSummary,
  evidenceBase,
  evidenceSummary,
  findModels,
  findPapers,
  type ModelRecord,
  modelRow,
  type PaperRecord,
} from '../../evidence/index.ts';
import { type CommandModule, examples } from '../command.ts';
import { fitCells, wrapText } from '../fit.ts';

interface EvidenceArguments {
  readonly papers?: true;
  readonly json?: true;
}

/** `normlab evidence [MODEL…]`. */
export const evidenceCommand: CommandModule = {
  register(program, { stdout }) {
    program
      .command('evidence')
      .summary('what model reports say and prove about their norms')
      .description(
        'Shows which norm each language model uses, the reason that its report gives, and whether a comparison backs it, ' +
          'with sources. With names: their full records.',
      )
      .argument('[name...]', 'models or families (gpt-3, llama, meta-llama/Llama-2-7b-hf); with --papers: papers')
      .option('--papers', 'papers instead of models')
      .option('--json', 'print the records as JSON')
      .addHelpText(
        'after',
        examples(
          ['all models', 'evidence'],
          ['one family', 'evidence llama'],
          ['what one paper shows and what not', 'evidence --papers narang2021'],
        ),
      )
      .action((names: readonly string[], { papers, json }: EvidenceArguments) => {
        const text = papers
          ? papersText(names, json === true, stdout.columns)
          : modelsText(names, json === true, stdout.columns);
        stdout.write(`${text}\n`);
      });
  },
};

function modelsText(names: readonly string[], json: boolean, columns: number | undefined): string {
  const models = names.length === 0 ? evidenceBase().models : unique(names.flatMap(findModels));
  if (json) return toJson(names.length === 0 ? { models, summary: evidenceSummary() } : models);
  if (names.length > 0) return wrapText(models.map(describeModel).join('\n\n'), columns);
  return [modelsTable(models, columns), '', wrapText(summaryLines(evidenceSummary()).join('\n'), columns)].join('\n');
}

function papersText(names: readonly string[], json: boolean, columns: number | undefined): string {
  const papers = names.length === 0 ? evidenceBase().papers : unique(names.flatMap(findPapers));
  if (json) return toJson(papers);
  if (names.length > 0) return wrapText(papers.map(describePaper).join('\n\n'), columns);
  return papersTable(papers, columns);
}

function modelsTable(models: readonly ModelRecord[], columns: number | undefined): string {
  const headers = ['model', 'norm', 'placement', 'epsilon', 'reason', 'ablation', 'confidence'];
  const rows = models
    .map(modelRow)
    .map((row) => [row.model, row.norm, row.placement, row.epsilon, row.reason, row.ablation, row.confidence]);
  return fittedTable(headers, rows, columns);
}

function papersTable(papers: readonly PaperRecord[], columns: number | undefined): string {
  const rows = papers.map(({ source, claims }) => [
    source.key,
    String(source.year),
    String(claims.length),
    source.title,
  ]);
  return fittedTable(['paper', 'year', 'claims', 'title'], rows, columns);
}

function fittedTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): string {
  return formatTable(
    headers.map((header) => ({ header, align: 'left' })),
    fitCells(headers, rows, columns),
  );
}

function summaryLines({
  models,
  reasons,
  ablations,
  largestKindComparison,
  kindComparisonsAtOneBillion,
}: EvidenceSummary) {
  const largest =
    largestKindComparison === null
      ? 'No comparison of the two prints numbers.'
      : `The largest comparison of the two with printed numbers: ${largestKindComparison.model}, ${millions(largestKindComparison.parameters)} parameters (${largestKindComparison.claim}).`;
  return [
    `${models} models; ${reasons.reportsRead} reports were looked through: ${reasons.statingAReason} give a reason, ${reasons.aboutTheKind} for the kind of norm, ${reasons.backedByData} show data for it.`,
    `${ablations.any} reports compare norms at all, ${ablations.ofKind} LayerNorm with RMSNorm proper, ${ablations.ofKindWithNumbers} of them with numbers.`,
    largest,
    `Comparisons at 1B parameters or more: ${kindComparisonsAtOneBillion}.`,
  ];
}

function millions(parameters: number): string {
  return parameters >= 1e9 ? `${parameters / 1e9}B` : `${Math.round(parameters / 1e6)}M`;
}

function unique<T>(items: readonly T[]): readonly T[] {
  return [...new Set(items)];
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2);
}
