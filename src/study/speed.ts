import { type BenchOptions, benchNorms, benchShares } from '../bench/index.ts';
import { formatCitation, paper1GptShares, paper1ReadOff } from '../evidence/index.ts';
import type { SpeedResults } from '../report/index.ts';
import type { Profile } from './profiles.ts';

/** Times the norms alone and as shares of GPT-3's sizes on this machine; the published shares stand beside them. */
export async function measureSpeed(
  plan: Profile['speed'],
  onProgress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<SpeedResults> {
  const options = (part: string): BenchOptions => ({
    signal,
    onProgress: ({ what, fraction }) => onProgress(`${part}, ${what}: ${Math.round(100 * fraction)}%`),
  });
  const norms = await benchNorms({
    ...options('norms alone'),
    rows: plan.rows,
    widths: plan.widths,
    norms: plan.norms,
    seconds: plan.secondsPerShape,
  });
  const shares = await benchShares({
    ...options('share of a model'),
    sizes: plan.sizes,
    tokens: plan.tokens,
    seconds: plan.secondsPerSize,
  });
  return {
    runtimeLabel: norms.runtimeLabel,
    copyGigabytesPerSecond: norms.copyGigabytesPerSecond,
    matmulGflops: shares.matmulGflops,
    ops: norms.ops,
    shares: shares.shares,
    paper: {
      source: {
        label: formatCitation({ source: 'jiang2023', section: 'Fig. 5' }),
        url: 'https://arxiv.org/abs/2305.14858',
      },
      setting:
        'inference of GPT-3 sizes, batch 1, 512 tokens, one A100, PyTorch 2.0 with amp; norms without parameters',
      readOffUncertainty: paper1ReadOff,
      figures: paper1GptShares,
    },
  };
}
