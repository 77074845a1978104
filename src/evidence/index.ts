import { records } from './records/index.ts';
import type { EvidenceBase } from './schema.ts';

export { claimsById, findModels, findPapers, sourcesByKey } from './lookup.ts';
export { headlineModels } from './records/index.ts';
export {
  type Paper1Shares,
  paper1GptShares,
  paper1ReadOff,
  paper1VitShares,
  paper1VitTraining,
} from './records/papers/jiang2023.ts';
export {
  type ClaimRow,
  claimRows,
  describeModel,
  describePaper,
  formatCitation,
  formatEpsilon,
  type ModelRow,
  modelRow,
} from './render.ts';
export {
  type Ablation,
  type Citation,
  type Claim,
  type Comparison,
  type Confidence,
  confidenceMeaning,
  type EvidenceBase,
  type EvidenceNormId,
  evidenceSchema,
  type Ground,
  type MeasuredValue,
  type Measurement,
  type ModelRecord,
  type PaperRecord,
  type Source,
  type StatedReason,
} from './schema.ts';
export {
  type AblationCounts,
  type EvidenceSummary,
  evidenceSummary,
  type KindComparison,
  type ReasonCounts,
  type Tally,
} from './summary.ts';

/** What model reports and papers say and prove about their norms. The tests hold it against `evidenceSchema`. */
export function evidenceBase(): EvidenceBase {
  return records;
}
