export { type Confidence, confidenceRules } from './answer/confidence.ts';
export type { ModelAnswer, ModelVerdict } from './answer/model.ts';
export type { Verdict } from './answer/quality.ts';
export { type Answer, answer } from './answer.ts';
export { renderHtml } from './html.ts';
export { type MarkdownReport, renderMarkdown } from './markdown.ts';
export type { ConvertedResult, ModelConversion, ModelResults, ModelTiming, ModelWorkload } from './model-results.ts';
export { normStyle, type ThemedColor, tokens } from './palette.ts';
export { type Figure, figures, type Svg, standaloneSvg } from './plots/index.ts';
export {
  type ConversionResult,
  type EvidenceResults,
  type LogitDifference,
  type NormRuns,
  type PairedDifference,
  parseResults,
  readPart,
  type SpeedResults,
  type StudyResults,
  schemaVersion,
  type TrainingResults,
} from './results.ts';
export { writeReport } from './write.ts';
