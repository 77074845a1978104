import type { z } from 'zod';
import { formatTable } from '../../src/core/format.ts';
import type { CaseConversions, ComparedDType } from './conversions.ts';
import type { comparedSchema, foldingSchema, lensSchema } from './schemas.ts';

export interface CaseResult extends CaseConversions {
  readonly compared: z.infer<typeof comparedSchema> | undefined;
  readonly folding: z.infer<typeof foldingSchema> | undefined;
  /** Undefined where no Python with TransformerLens was given. */
  readonly lens: z.infer<typeof lensSchema> | undefined;
}

export interface PeersResult {
  readonly cases: readonly CaseResult[];
}

/** What transformers may differ by where the weights are float64. */
const float64Limit = 1e-10;

const show = (value: number | null | undefined): string | undefined => value?.toExponential(1);
const right = (header: string) => ({ header, align: 'right' as const });

/** What transformers found for a conversion, by the order in which the job named them. */
function foundFor({ compared, conversions }: CaseResult, variant: string, dtype: ComparedDType) {
  if (compared === undefined || 'error' in compared) return undefined;
  const loading = conversions.filter(({ loads }) => loads);
  return compared.converted[loading.findIndex((one) => one.variant === variant && one.dtype === dtype)];
}

/** What is off, a line each; empty where everything agrees. */
export function failuresOf({ cases }: PeersResult): readonly string[] {
  return cases.flatMap((one) => {
    const { name, compared, conversions } = one;
    // What transformers does not load was no conversion's fault unless there is one.
    if (compared === undefined || 'error' in compared) {
      return conversions.length === 0 ? [] : [`${name}: ${compared?.error ?? 'no answer'}`];
    }
    return conversions.flatMap(({ variant, dtype, loads, certificate }) => {
      if (!loads) return [];
      const found = foundFor(one, variant, dtype);
      const where = `${name} as ${variant} in ${dtype}`;
      if (found === undefined) return [`${where}: no answer`];
      const limit = dtype === 'float64' ? float64Limit : certificate.limits.stored;
      const differences = [found.maxAbsLogit, found.withRmsNorms ?? 0];
      return [
        ...found.problems.map((problem) => `${where}: ${problem}`),
        ...differences
          .filter((difference) => !(difference <= limit))
          .map((difference) => `${where} is off by ${show(difference)}`),
      ];
    });
  });
}

/** The three tables. */
export function peersText(result: PeersResult): string {
  const { cases } = result;
  const version = cases.flatMap(({ compared }) =>
    compared && 'transformers' in compared ? [compared.transformers] : [],
  )[0];
  return [
    `Converted models in transformers ${version ?? ''}: max |Δlogit| to the source, both in float64`,
    conversionTable(cases),
    ...refusals(cases),
    '',
    'normlab’s certificates of the same conversions, source element type: max |Δlogit|',
    certificateTable(cases),
    '',
    'Other tools’ foldings: max |Δlogit| to the unchanged model',
    foldingTable(cases),
    ...lensNotes(cases),
  ].join('\n');
}

function conversionTable(cases: readonly CaseResult[]): string {
  const rows = cases.flatMap((one) =>
    variantsOf(one).map((variant) => {
      const [wide, stored] = [foundFor(one, variant, 'float64'), foundFor(one, variant, 'source')];
      const certificate = one.conversions.find(
        (other) => other.variant === variant && other.dtype === 'source',
      )?.certificate;
      return [
        one.name,
        wide?.class ?? (one.compared && 'error' in one.compared ? one.compared.error : undefined),
        variant,
        show(wide?.maxAbsLogit),
        show(wide?.withRmsNorms),
        show(stored?.withRmsNorms ?? stored?.maxAbsLogit),
        show(certificate?.floor.maxAbsLogit),
      ];
    }),
  );
  const columns = [
    'model',
    'class',
    'as',
    right('float64, its class'),
    right('float64, RMSNorms'),
    right('own dtype'),
    right('floor'),
  ];
  return formatTable(columns, rows);
}

const variantsOf = ({ conversions }: CaseResult): readonly string[] => [
  ...new Set(conversions.filter(({ loads }) => loads).map(({ variant }) => variant)),
];

/** Models that become nothing of what transformers loads, by what normlab says of them. */
function refusals(cases: readonly CaseResult[]): readonly string[] {
  return cases
    .filter((one) => variantsOf(one).length === 0)
    .map(
      ({ name, folder, refused }) =>
        `${name}: ${Object.values(refused)[0]?.replace(`${folder}: `, '') ?? 'nothing to convert'}`,
    );
}

function certificateTable(cases: readonly CaseResult[]): string {
  const rows = cases.flatMap(({ name, conversions }) =>
    conversions
      .filter(({ dtype }) => dtype === 'source')
      .map(({ variant, certificate: { dtypes, algebra, stored, floor, run, engineFloor } }) => [
        name,
        variant,
        dtypes.join(', '),
        ...[algebra, stored, floor, run, engineFloor].map(({ maxAbsLogit }) => show(maxAbsLogit)),
      ]),
  );
  const columns = ['algebra', 'stored', 'floor', 'run', 'engine alone'].map(right);
  return formatTable(['model', 'as', 'dtype', ...columns], rows);
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
        wide === undefined ? 'refused' : show(wide.withRmsNorms ?? wide.maxAbsLogit),
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
  const refused = cases.flatMap(({ name, lens }) =>
    lens !== undefined && 'error' in lens ? [`${name}: ${lens.error}`] : [],
  );
  return [`“run by itself” is TransformerLens ${version} in float32. It did not take:`, ...refused];
}
