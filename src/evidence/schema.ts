import { z } from 'zod';

/**
 * How well a statement is backed, from best to worst. The worst one that a record needs is the record's own.
 *
 * - `read`: read in the source's own text, table or code.
 * - `secondary`: read in somebody else's account of the source.
 * - `derived`: worked out or computed here, printed by nobody.
 * - `recalled`: remembered and not checked again. Never counted in a summary number unless the number says so.
 */
export const confidences = ['read', 'secondary', 'derived', 'recalled'] as const;

/** One sentence per confidence, for tables and help texts. */
export const confidenceMeaning: Readonly<Record<Confidence, string>> = {
  read: "read in the source's own text, table or code",
  secondary: "read in somebody else's account of the source",
  derived: 'worked out or computed here, printed by nobody',
  recalled: 'remembered and not checked again',
};

/** The ids of the norm catalogue that records may name. */
export const normIds = [
  'layernorm',
  'layernorm-nobias',
  'layernorm-nonparametric',
  'layernorm1p',
  'rmsnorm',
  'rmsnorm-bias',
  'rmsnorm1p',
  'rmsnorm-nonparametric',
  'rmsnorm-gemma',
  'prmsnorm',
  'crmsnorm',
  'scalenorm',
  'dyt',
  'none',
] as const;

const text = z.string().trim().min(1);
const sourceKey = z.string().regex(/^[a-z0-9-]+$/, 'a source key holds lower-case letters, digits and hyphens');
const confidence = z.enum(confidences);
const normId = z.enum(normIds);

/** Something that can be cited. The identifier is an `arXiv:` number or a repository's `owner/repo`, `#thread` or `@version`. */
export const sourceSchema = z.strictObject({
  key: sourceKey,
  title: text,
  /** Short author credit, as in a text: `Zhang & Sennrich`. */
  short: text,
  year: z.int().min(2016).max(2030),
  identifier: text.refine((id) => !id.includes('://'), 'an identifier is not an address'),
  kind: z.enum(['paper', 'report', 'model-card', 'code', 'issue']),
});

/** Where in a source a statement stands. */
export const citationSchema = z.strictObject({ source: sourceKey, section: text });

export const spreadSchema = z.strictObject({
  amount: z.number().positive(),
  /** `sd` over repeated runs; `unstated` when the source prints ± without saying of what; `read-off` from a chart. */
  kind: z.enum(['sd', 'unstated', 'read-off']),
});

export const valueSchema = z.strictObject({
  /** What was measured, as the source calls it. */
  variant: text,
  /** The catalogue id of its norm, or null where the variant isn't a norm (a logit cap, a whole operator class). */
  norm: normId.nullable(),
  value: z.number(),
  spread: spreadSchema.optional(),
  /** The change against the first value of the measurement that the source prints, in percent. */
  printedChangePercent: z.number().optional(),
});

/** One row or column of a table: a quantity for several variants. The first value is the baseline. */
export const measurementSchema = z.strictObject({
  quantity: text,
  /** `s/1k steps`, `%`, `BLEU`, … ; `1` for a ratio. */
  unit: text,
  better: z.enum(['lower', 'higher', 'neither']),
  values: z.array(valueSchema).min(1).readonly(),
});

export const settingSchema = z.strictObject({
  model: text,
  /** Parameter count, or null where the source read here doesn't say. */
  parameters: z.number().positive().nullable(),
  hardware: text.nullable(),
  precision: text.nullable(),
  details: text.optional(),
});

/**
 * What a claim compares.
 *
 * - `layernorm-vs-rmsnorm`: both with parameters and trained or timed as alternatives; the question of this project.
 * - `equivalent-conversion`: the same function computed with another norm, so only cost can differ.
 * - `nonparametric-layernorm-vs-rmsnorm`: the mean and the learned gain change at once.
 * - `norm-vs-none`: the share of time that norms take, or a norm against its removal.
 * - `rmsnorm-vs-other`, `placement`, `implementation`, `mechanism`: neighbours of the question, never an answer to it.
 */
export const comparisons = [
  'layernorm-vs-rmsnorm',
  'equivalent-conversion',
  'nonparametric-layernorm-vs-rmsnorm',
  'norm-vs-none',
  'rmsnorm-vs-other',
  'placement',
  'implementation',
  'mechanism',
] as const;

export const claimSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/, 'a claim id is <paper key>/<name>'),
  comparison: z.enum(comparisons),
  measures: z
    .array(z.enum(['speed', 'time-share', 'quality', 'stability', 'mechanism']))
    .min(1)
    .readonly(),
  setting: settingSchema,
  measurements: z.array(measurementSchema).readonly(),
  direction: z.enum(['rmsnorm-better', 'layernorm-better', 'no-difference', 'mixed', 'not-applicable']),
  /** One or two sentences. Every number in it must also stand in the claim's data. */
  summary: text,
  doesNotShow: z.array(text).min(1).readonly(),
  section: text,
  confidence,
});

export const paperSchema = z.strictObject({
  source: sourceSchema,
  claims: z.array(claimSchema).readonly(),
  notes: z.array(text).readonly(),
});

export const epsilonSchema = z.strictObject({
  value: z.number().positive(),
  source: sourceKey,
  note: text,
  confidence,
});

/** What a reason rests on. */
export const grounds = [
  'stability',
  'speed',
  'same-quality',
  'better-quality',
  'convention',
  'implementation',
  'safety',
] as const;

export const statedReasonSchema = z.strictObject({
  /** In our words. */
  text,
  grounds: z.array(z.enum(grounds)).min(1).readonly(),
  /** Whether the reason is for the kind of norm, for where it stands, for both in one breath, or only for having no bias. */
  addresses: z.enum(['kind', 'placement', 'both', 'bias']),
  /** What the report shows for it: nothing, a citation, a plot, or numbers. */
  backing: z.enum(['assertion', 'citation', 'plot', 'numbers']),
  source: sourceKey,
  section: text,
  confidence,
});

export const ablationSchema = z.strictObject({
  /** Whether the report describes a comparison between norms at all. */
  exists: z.boolean(),
  /** Whether it compares LayerNorm with parameters against RMSNorm with parameters, all else equal. */
  ofKind: z.boolean(),
  summary: text,
  confounds: z.array(text).readonly(),
  /** Claims of the evidence base that hold its numbers. */
  claims: z.array(text).readonly(),
  source: citationSchema.nullable(),
});

/** A belief about the model's norm that is common and wrong. */
export const correctionSchema = z.strictObject({
  belief: text,
  why: text,
  sources: z.array(citationSchema).min(1).readonly(),
});

export const placements = ['pre', 'post', 'output', 'peri', 'mixed'] as const;

export const modelSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9.-]+$/),
  name: text,
  /** Models of one line share a family: `llama`, `qwen`, … */
  family: z.string().regex(/^[a-z0-9-]+$/),
  aliases: z.array(text).readonly(),
  organization: text,
  year: z.int().min(2018).max(2030),
  sizes: z.array(text).readonly(),
  norm: normId,
  /** `pre` before each sublayer, `post` after the addition, `output` on the branch's output, `peri` before and after. */
  placement: z.enum(placements),
  /** The norm before the head, or null where it wasn't established. */
  finalNorm: normId.nullable(),
  /** A phrase on the norm of queries and keys; null for none. */
  qkNorm: text.nullable(),
  epsilon: epsilonSchema.nullable(),
  /** Whether the report or model card was looked through for a reason; only then does a null reason mean that none is given. */
  reportRead: z.boolean(),
  statedReason: statedReasonSchema.nullable(),
  ablation: ablationSchema,
  corrections: z.array(correctionSchema).readonly(),
  /** Of norm and placement. */
  confidence,
  notes: z.array(text).readonly(),
  sources: z.array(citationSchema).min(1).readonly(),
});

export const evidenceSchema = z.strictObject({
  sources: z.array(sourceSchema).readonly(),
  papers: z.array(paperSchema).readonly(),
  models: z.array(modelSchema).readonly(),
});

export type Confidence = (typeof confidences)[number];
export type EvidenceNormId = (typeof normIds)[number];
export type Comparison = (typeof comparisons)[number];
export type Ground = (typeof grounds)[number];
export type Source = Readonly<z.infer<typeof sourceSchema>>;
export type Citation = Readonly<z.infer<typeof citationSchema>>;
export type MeasuredValue = Readonly<z.infer<typeof valueSchema>>;
export type Measurement = Readonly<z.infer<typeof measurementSchema>>;
export type Claim = Readonly<z.infer<typeof claimSchema>>;
export type PaperRecord = Readonly<z.infer<typeof paperSchema>>;
export type StatedReason = Readonly<z.infer<typeof statedReasonSchema>>;
export type Ablation = Readonly<z.infer<typeof ablationSchema>>;
export type ModelRecord = Readonly<z.infer<typeof modelSchema>>;
/** Everything: sources that only models cite, papers (each with its own source) and models. */
export type EvidenceBase = Readonly<z.infer<typeof evidenceSchema>>;
