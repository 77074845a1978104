import { certificate, modelCertificate } from './certificate.ts';
import type { Figure } from './figure.ts';
import { gradientNorms } from './gradient-norms.ts';
import { modelTime } from './model-time.ts';
import { normOperations } from './norm-operations.ts';
import { pairedDifferences } from './paired-differences.ts';
import { timeShare } from './time-share.ts';
import { validationDifference } from './validation-difference.ts';
import { validationLoss } from './validation-loss.ts';

export type { Figure } from './figure.ts';
export { standaloneSvg } from './standalone.ts';
export type { Svg } from './svg.ts';

/** Every plot of the report. */
export const figures = {
  modelCertificate,
  modelTime,
  pairedDifferences,
  validationLoss,
  validationDifference,
  gradientNorms,
  timeShare,
  normOperations,
  certificate,
} as const satisfies Record<string, Figure>;
