import { sourcesByKey } from './lookup.ts';
import { headlineModels, records } from './records/index.ts';
import {
  type Citation,
  type Claim,
  type Confidence,
  confidences,
  type EvidenceNormId,
  type Ground,
  grounds,
  type ModelRecord,
  normIds,
} from './schema.ts';

/** A comparison of LayerNorm and RMSNorm, both with parameters, by trained quality. */
export interface KindComparison {
  readonly claim: string;
  readonly model: string;
  readonly parameters: number;
  readonly direction: Claim['direction'];
  /** Whether values stand behind it, or only a sentence. */
  readonly printsNumbers: boolean;
  readonly confidence: Confidence;
  readonly citation: Citation;
}

export interface ReasonCounts {
  /** Model records whose report was looked through. */
  readonly reportsRead: number;
  /** Of those: a reason is given for the kind of norm, its placement or its lack of a bias. */
  readonly statingAReason: number;
  /** Of those: the reason speaks of the kind of norm. */
  readonly aboutTheKind: number;
  /** Of those: the report shows a plot or numbers for it. */
  readonly backedByData: number;
}

export interface AblationCounts {
  /** Reports with any comparison between norms. */
  readonly any: number;
  /** Reports that compare LayerNorm and RMSNorm, both with parameters. */
  readonly ofKind: number;
  /** Reports that do so and print numbers. */
  readonly ofKindWithNumbers: number;
}

/** How often something occurs. */
export interface Tally<K extends string> {
  readonly of: K;
  readonly count: number;
}

export interface EvidenceSummary {
  readonly models: number;
  readonly papers: number;
  readonly claims: number;
  /** Norms that no model uses are left out. */
  readonly modelsByNorm: readonly Tally<EvidenceNormId>[];
  readonly modelsByConfidence: readonly Tally<Confidence>[];
  /** Over every model record. */
  readonly reasons: ReasonCounts;
  /** A reason may have several grounds. */
  readonly reasonsByGround: readonly Tally<Ground>[];
  readonly ablations: AblationCounts;
  /** Over the eight lines of models that the project set out from; a line counts once. */
  readonly headline: { readonly lines: number; readonly reasons: ReasonCounts; readonly ablations: AblationCounts };
  /** Comparisons of known size, the largest first; recalled ones are left out. */
  readonly kindComparisons: readonly KindComparison[];
  /** The largest that prints numbers, or null if there is none. */
  readonly largestKindComparison: KindComparison | null;
  /** As above, counting recalled claims too. */
  readonly largestKindComparisonIncludingRecalled: KindComparison | null;
  /** How many of `kindComparisons` are at 1e9 parameters or more. */
  readonly kindComparisonsAtOneBillion: number;
}

type Test = (model: ModelRecord) => boolean;

const statesReason: Test = (model) => model.reportRead && model.statedReason !== null;
const aboutTheKind: Test = (model) =>
  statesReason(model) && (model.statedReason?.addresses === 'kind' || model.statedReason?.addresses === 'both');
const backedByData: Test = (model) =>
  aboutTheKind(model) && (model.statedReason?.backing === 'plot' || model.statedReason?.backing === 'numbers');

/** Whether the comparison is printed in a report or paper, and not in a code review. */
function isPrinted(model: ModelRecord): boolean {
  const key = model.ablation.source?.source;
  const kind = key === undefined ? undefined : sourcesByKey().get(key)?.kind;
  return model.ablation.exists && (kind === 'report' || kind === 'paper');
}

function allClaims(): readonly Claim[] {
  return records.papers.flatMap((paper) => paper.claims);
}

function hasNumbers(model: ModelRecord): boolean {
  return allClaims().some((claim) => model.ablation.claims.includes(claim.id) && claim.measurements.length > 0);
}

/** Counts groups in which at least one model passes. */
function count(groups: readonly (readonly ModelRecord[])[], test: Test): number {
  return groups.filter((group) => group.some(test)).length;
}

function countReasons(groups: readonly (readonly ModelRecord[])[]): ReasonCounts {
  return {
    reportsRead: count(groups, (model) => model.reportRead),
    statingAReason: count(groups, statesReason),
    aboutTheKind: count(groups, aboutTheKind),
    backedByData: count(groups, backedByData),
  };
}

function countAblations(groups: readonly (readonly ModelRecord[])[]): AblationCounts {
  const ofKind: Test = (model) => isPrinted(model) && model.ablation.ofKind;
  return {
    any: count(groups, isPrinted),
    ofKind: count(groups, ofKind),
    ofKindWithNumbers: count(groups, (model) => ofKind(model) && hasNumbers(model)),
  };
}

function tally<K extends string>(keys: readonly K[], values: readonly K[]): readonly Tally<K>[] {
  return keys.map((of) => ({ of, count: values.filter((value) => value === of).length }));
}

function kindComparisons(): readonly KindComparison[] {
  return records.papers
    .flatMap(({ source, claims }) =>
      claims.flatMap((claim) => {
        const { parameters, model } = claim.setting;
        if (claim.comparison !== 'layernorm-vs-rmsnorm' || !claim.measures.includes('quality') || parameters === null) {
          return [];
        }
        const comparison: KindComparison = {
          claim: claim.id,
          model,
          parameters,
          direction: claim.direction,
          printsNumbers: claim.measurements.length > 0,
          confidence: claim.confidence,
          citation: { source: source.key, section: claim.section },
        };
        return [comparison];
      }),
    )
    .sort((a, b) => b.parameters - a.parameters);
}

/** The numbers that the evidence base comes down to. Each is computed from the records. */
export function evidenceSummary(): EvidenceSummary {
  const { models, papers } = records;
  const each = models.map((model) => [model]);
  const lines = Object.values(headlineModels).map((ids) => models.filter((model) => ids.includes(model.id)));
  const comparisons = kindComparisons();
  const known = comparisons.filter(({ confidence }) => confidence !== 'recalled');
  return {
    models: models.length,
    papers: papers.length,
    claims: allClaims().length,
    modelsByNorm: tally(
      normIds,
      models.map(({ norm }) => norm),
    ).filter(({ count: n }) => n > 0),
    modelsByConfidence: tally(
      confidences,
      models.map(({ confidence }) => confidence),
    ),
    reasons: countReasons(each),
    reasonsByGround: tally(
      grounds,
      models.flatMap(({ statedReason }) => statedReason?.grounds ?? []),
    ),
    ablations: countAblations(each),
    headline: { lines: lines.length, reasons: countReasons(lines), ablations: countAblations(lines) },
    kindComparisons: known,
    largestKindComparison: known.find(({ printsNumbers }) => printsNumbers) ?? null,
    largestKindComparisonIncludingRecalled: comparisons.find(({ printsNumbers }) => printsNumbers) ?? null,
    kindComparisonsAtOneBillion: known.filter(({ parameters }) => parameters >= 1e9).length,
  };
}
