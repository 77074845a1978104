import type { Certificate } from '../convert/index.ts';
import type { ConversionResult, LogitDifference } from '../report/index.ts';

/** The figures of a certificate in the form of the report. */
export function certificateFigures({
  algebra,
  stored,
  run,
  floor,
  passed,
}: Certificate): ConversionResult['certificate'] {
  return { algebra: logits(algebra), stored: logits(stored), run: logits(run), floor: logits(floor), passed };
}

function logits({ maxAbsLogit, nmse, kl, top1Agreement }: LogitDifference): LogitDifference {
  return { maxAbsLogit, nmse, kl, top1Agreement };
}
