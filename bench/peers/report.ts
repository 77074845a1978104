import type { z } from 'zod';
import { formatTable } from '../../src/core/format.ts';
import type { CaseConversions, ComparedDType } from './conversions.ts';
import type { comparedSchema, exportedSchema, foldingSchema, lensSchema } from './schemas.ts';

export interface CaseResult extends CaseConversions {
  readonly compared: z.infer<typeof comparedSchema> | undefined;
  readonly folding: z.infer<typeof foldingSchema> | undefined;
  /** Undefined where no Python with TransformerLens was given. */
  readonly lens: z.infer<typeof lensSchema> | undefined;
}

/** An export in ONNX Runtime for Python, and in Optimum. */
export interface ExportResult {
  readonly name: string;
  readonly variant: string;
  readonly found: z.infer<typeof exportedSchema> | undefined;
}

export interface PeersResult {
  readonly cases: readonly CaseResult[];
  readonly exports: readonly ExportResult[];
}

/** What transformers may differ by where the weights are float64. */
const float64Limit = 1e-10;

const show = (value: number | null | undefined): string | undefined => value?.toExponential(1);
const clip = (text: string): string => (text.length > 100 ? `${text.slice(0, 99)}…` : text);
const right = (header: string) => ({ header, align: 'right' as const });

/** What transformers found for a conversion, by the order in which the job named them. */
function foundFor({ compared, conversions }: CaseResult, variant: string, dtype: ComparedDType) {
  if (compared === undefined || 'error' in compared) return undefined;
  const loading = conversions.filter(({ runtime }) => runtime === 'transformers');
  return compared.converted[loading.findIndex((one) => one.variant === variant && one.dtype === dtype)];
}

/** What is off, a line each; empty where everything agrees. What a program does not take is told, but is no failure. */
export function failuresOf({ cases, exports }: PeersResult): readonly string[] {
  return [...cases.flatMap(comparisonFailures), ...exports.flatMap(exportFailures)];
}

function comparisonFailures(one: CaseResult): readonly string[] {
  const { name, compared, conversions } = one;
  const loading = conversions.filter(({ runtime }) => runtime === 'transformers');
  // A source that this release of transformers does not load shows nothing about its conversions.
  if (compared === undefined || 'error' in compared) return [];
  return loading.flatMap(({ variant, dtype, certificate }) => {
    const found = foundFor(one, variant, dtype);
    const where = `${name} as ${variant} in ${dtype}`;
    if (found === undefined) return [`${where}: no answer`];
    const limit = dtype === 'float64' ? float64Limit : certificate.limits.stored;
    return [
      ...found.problems.map((problem) => `${where}: ${problem}`),
      ...above(limit, where, [found.maxAbsLogit, found.withRmsNorms ?? 0]),
    ];
  });
}

function exportFailures({ name, variant, found }: ExportResult): readonly string[] {
  const where = `${name} as ${variant}`;
  if (found === undefined) return [`${where}: no answer`];
  if ('error' in found) return [];
  return above(found.tolerance, where, [found.onnxruntime, found.Optimum ?? 0]);
}

function above(limit: number, where: string, differences: readonly number[]): readonly string[] {
  return differences
    .filter((difference) => !(difference <= limit))
    .map((difference) => `${where} is off by ${show(difference)}, more than ${show(limit)}`);
}

/** The tables of the parts that ran. */
export function peersText({ cases, exports }: PeersResult): string {
  const version = cases.flatMap(({ compared }) =>
    compared && 'transformers' in compared ? [compared.transformers] : [],
  )[0];
  const parts = [
    [
      `max |Δlogit| to the source: in transformers ${version ?? '(not run)'}, always in float64, and by normlab’s certificate`,
      conversionTable(cases),
      ...unconverted(cases),
    ],
    ...(exports.length === 0 ? [] : [exportPart(exports)]),
    ...(cases.every(({ folding }) => folding === undefined)
      ? []
      : [['Other tools’ foldings: max |Δlogit| to the unchanged model', foldingTable(cases), ...lensNotes(cases)]]),
  ];
  return parts.map((lines) => lines.join('\n')).join('\n\n');
}

function exportPart(exports: readonly ExportResult[]): readonly string[] {
  const version = exports.flatMap(({ found }) => (found && 'tolerance' in found ? [found.onnxruntimeVersion] : []))[0];
  const rows = exports.map(({ name, variant, found }) =>
    found === undefined || 'error' in found
      ? [name, variant, undefined, undefined, clip(found?.error ?? '')]
      : [name, variant, show(found.onnxruntime), show(found.Optimum), clip(found.optimumError ?? '')],
  );
  return [
    `Exports in ONNX Runtime ${version ?? ''}: max |Δlogit| to the source in transformers in float32, as a part of the largest logit`,
    formatTable(['model', 'as', right('ONNX Runtime'), right('Optimum'), ''], rows),
  ];
}

function conversionTable(cases: readonly CaseResult[]): string {
  const rows = cases.flatMap((one) =>
    one.conversions
      .filter(({ dtype }) => dtype === 'source')
      .map(({ variant, certificate: { dtypes, algebra, stored, floor, run, engineFloor } }) => {
        const [wide, own] = [foundFor(one, variant, 'float64'), foundFor(one, variant, 'source')];
        return [
          one.name,
          variant,
          dtypes.join(', '),
          show(wide?.maxAbsLogit),
          show(wide?.withRmsNorms),
          show(own?.withRmsNorms ?? own?.maxAbsLogit),
          ...[algebra, stored, floor, run, engineFloor].map(({ maxAbsLogit }) => show(maxAbsLogit)),
        ];
      }),
  );
  const inTransformers = ['float64, its class', 'float64, RMSNorms', 'own dtype'];
  const certified = ['algebra', 'stored', 'floor', 'run', 'engine alone'];
  return formatTable(['model', 'as', 'dtype', ...[...inTransformers, ...certified].map(right)], rows);
}

/** What could not be compared, by what normlab or transformers says of it. */
function unconverted(cases: readonly CaseResult[]): readonly string[] {
  const refusals = cases.flatMap(({ name, folder, refused }) => {
    // Most models have something that no Llama has.
    const telling = Object.entries(refused).filter(([variant]) => variant !== 'llama');
    const reasons = new Set(telling.map(([, reason]) => reason.replace(`${folder}: `, '')));
    const variantsOf = (reason: string) => telling.filter(([, other]) => other.endsWith(reason)).map(([id]) => id);
    return [...reasons].map((reason) => `${name} (${variantsOf(reason).join('; ')}): ${reason}`);
  });
  const unread = cases.flatMap(({ name, compared }) =>
    compared && 'error' in compared ? [`${name}: transformers does not load the source: ${compared.error}`] : [],
  );
  return [...refusals, ...unread];
}

function foldingTable(cases: readonly CaseResult[]): string {
  const rows = cases.flatMap((one) => {
    const { name, folding, lens } = one;
    if (folding === undefined || 'error' in folding) return [];
    const wide = foundFor(one, 'hf', 'float64') ?? foundFor(one, 'hf, fold', 'float64');
    const found = lens !== undefined && 'maxAbsLogit' in lens ? lens : undefined;
    return [
      [
        name,
        folding.norm,
        folding.epsilon.toExponential(0),
        one.conversions.length === 0 ? 'refused' : show(wide?.withRmsNorms ?? wide?.maxAbsLogit),
        show(folding.sliceGpt),
        show(folding.sliceGptOwnEpsilon),
        show(folding.sliceGptOwnEmbeddings),
        show(folding.transformerLens),
        show(folding.transformerLensAsRmsNorm),
        show(found?.maxAbsLogit),
        show(found?.unprocessed),
      ],
    ];
  });
  const columns = [
    ...['ε', 'normlab', 'SliceGPT', '… its own ε', '… its own embeddings', 'TransformerLens', '… as RMSNorm'],
    ...['run by itself', '… unprocessed'],
  ];
  return formatTable(['model', 'norms', ...columns.map(right)], rows);
}

function lensNotes(cases: readonly CaseResult[]): readonly string[] {
  const version = cases.flatMap(({ lens }) => (lens === undefined ? [] : [lens.transformerLens]))[0];
  if (version === undefined) return ['“run by itself”: TransformerLens was not there (--lens-python)'];
  const reasons = new Map<string, string[]>();
  for (const { name, lens } of cases) {
    if (lens !== undefined && 'error' in lens) reasons.set(lens.error, [...(reasons.get(lens.error) ?? []), name]);
  }
  return [
    `“run by itself” is TransformerLens ${version} in float32. It did not take:`,
    ...[...reasons].map(([reason, names]) => `${names.join(', ')}: ${clip(reason)}`),
  ];
}
