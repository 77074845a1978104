import type { Block } from '../document.ts';
import { fixed, percent, scientific } from '../format.ts';
import { catalogueName } from '../names.ts';
import { figures } from '../plots/index.ts';
import type { StudyResults } from '../results.ts';

const steps = ['algebra', 'stored', 'run', 'floor'] as const;

/** Conversion: the certificates. */
export function conversionBlocks({ conversions }: StudyResults): readonly Block[] {
  if (!conversions || conversions.length === 0) return [];
  return [
    { kind: 'figure', figure: figures.certificate },
    {
      kind: 'table',
      folded: false,
      table: {
        caption: 'What was converted. Validation loss in nats per byte before and after, in the float32 engine.',
        columns: [
          { heading: 'Source' },
          { heading: 'To' },
          { heading: 'Stored as' },
          { heading: 'Tensors rewritten', numeric: true },
          { heading: 'Loss before', numeric: true },
          { heading: 'Loss after', numeric: true },
          { heading: 'Certificate' },
          { heading: 'Note' },
        ],
        rows: conversions.map((conversion) => [
          conversion.source,
          catalogueName(conversion.target),
          conversion.dtype,
          fixed(conversion.tensorsRewritten, 0),
          conversion.validationLossBefore === null ? '–' : fixed(conversion.validationLossBefore, 6),
          conversion.validationLossAfter === null ? '–' : fixed(conversion.validationLossAfter, 6),
          conversion.certificate.passed ? 'passed' : 'FAILED',
          conversion.note,
        ]),
      },
    },
    {
      kind: 'table',
      folded: true,
      table: {
        caption:
          'The certificates in full: largest logit difference, normalized mean squared error, Kullback–Leibler divergence (nats), and how often the most likely token is the same.',
        columns: [
          { heading: 'Conversion' },
          { heading: 'Figure' },
          { heading: 'Max |Δlogit|', numeric: true },
          { heading: 'NMSE', numeric: true },
          { heading: 'KL', numeric: true },
          { heading: 'Top-1 agreement', numeric: true },
        ],
        rows: conversions.flatMap((conversion) =>
          steps.map((step) => {
            const { maxAbsLogit, nmse, kl, top1Agreement } = conversion.certificate[step];
            return [
              `${conversion.source} → ${catalogueName(conversion.target)}`,
              step,
              scientific(maxAbsLogit),
              scientific(nmse),
              scientific(kl),
              percent(top1Agreement, 2),
            ];
          }),
        ),
      },
    },
  ];
}
