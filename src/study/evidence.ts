import {
  type Citation,
  evidenceBase,
  evidenceSummary,
  formatCitation,
  headlineModels,
  type ModelRecord,
  modelRow,
  type PaperRecord,
  sourcesByKey,
} from '../evidence/index.ts';
import { normKind } from '../norms/index.ts';
import type { EvidenceResults } from '../report/index.ts';

type Source = EvidenceResults['rows'][number]['source'];

/** What the evidence base says, in the form of the report. */
export function evidenceResults(): EvidenceResults {
  const { models, papers } = evidenceBase();
  const summary = evidenceSummary();
  const headline = new Set<string>(Object.values(headlineModels).flat());
  const shown = models.filter((model) => headline.has(model.id));
  const usesOf = (family: string) =>
    summary.modelsByNorm.filter(({ of }) => of.startsWith(family)).reduce((total, { count }) => total + count, 0);
  const compared = papers.filter((paper) => kindClaims(paper).length > 0);
  return {
    rows: shown.map(evidenceRow),
    quantitative: papers.flatMap(quantitativeRows),
    corrections: models.flatMap((model) =>
      model.corrections.map(({ belief, why, sources }) => ({ belief, correction: why, source: firstSource(sources) })),
    ),
    summary: {
      models: summary.models,
      layerNorm: usesOf('layernorm'),
      rmsNorm: usesOf('rmsnorm'),
      reportsRead: summary.reasons.reportsRead,
      statedReason: summary.reasons.aboutTheKind,
      ablation: summary.ablations.any,
      comparisonsWithNumbers: compared.length,
      comparisonsAtOneBillion: compared.filter((paper) =>
        kindClaims(paper).some(({ setting }) => (setting.parameters ?? 0) >= 1e9),
      ).length,
    },
  };
}

/** Claims that compare the quality of the two kinds proper and print numbers. */
function kindClaims(paper: PaperRecord) {
  return paper.claims.filter(
    ({ comparison, measures, measurements, confidence }) =>
      comparison === 'layernorm-vs-rmsnorm' &&
      measures.includes('quality') &&
      measurements.length > 0 &&
      confidence !== 'recalled',
  );
}

function evidenceRow(model: ModelRecord): EvidenceResults['rows'][number] {
  const row = modelRow(model);
  return {
    model: model.name,
    norm: normKind(model.norm).name,
    placement: row.placement,
    epsilon: model.epsilon === null ? null : row.epsilon,
    statedReason: model.statedReason?.text ?? null,
    ablation: model.ablation.exists ? model.ablation.summary : null,
    source: firstSource(model.sources),
    confidence: row.confidence,
  };
}

/** A line for every claim about LayerNorm against RMSNorm that prints numbers, speed included. */
function quantitativeRows(paper: PaperRecord): EvidenceResults['quantitative'] {
  return paper.claims
    .filter(({ comparison, measurements }) => comparison.startsWith('layernorm') && measurements.length > 0)
    .map((claim) => ({
      paper: `${paper.source.short} ${paper.source.year}`,
      setting: [claim.setting.model, claim.setting.hardware, claim.setting.precision]
        .filter((part) => part !== null)
        .join(', '),
      result: claim.summary,
      source: sourceOf({ source: paper.source.key, section: claim.section }),
    }));
}

function firstSource(citations: readonly Citation[]): Source {
  const [first] = citations;
  if (first === undefined) throw new Error('study: a record of the evidence base names no source');
  return sourceOf(first);
}

/** Where a statement is from. Identifiers of arXiv and GitHub become addresses. */
function sourceOf(citation: Citation): Source {
  const identifier = sourcesByKey().get(citation.source)?.identifier ?? '';
  return { label: formatCitation(citation), url: addressOf(identifier) };
}

function addressOf(identifier: string): string | null {
  const arxiv = /^arXiv:(\d{4}\.\d{4,5})$/.exec(identifier);
  if (arxiv) return `https://arxiv.org/abs/${arxiv[1]}`;
  const github = /^([\w.-]+\/[\w.-]+)(?:#(\d+))?$/.exec(identifier);
  if (github) return `https://github.com/${github[1]}${github[2] === undefined ? '' : `/issues/${github[2]}`}`;
  return null;
}
