import type { MeasuredParts, ShareBenchmark, TimeShare } from '../../bench/index.ts';
import { formatBytes, formatSignificant, formatTable } from '../../core/format.ts';
import { formatCitation, type Paper1Shares, paper1GptShares, paper1ReadOff } from '../../evidence/index.ts';
import { intervalNote } from './bench-notes.ts';

const paperSetting = 'one A100, PyTorch with automatic mixed precision, batch 1, 512 tokens';
const paperCitation = formatCitation({ source: 'jiang2023', section: 'Fig. 5' });

/** The result of `bench shares` as JSON, with the paper's figures of the measured sizes beside it. */
export function sharesJson(result: ShareBenchmark): string {
  const figures = paper1GptShares.filter(({ size }) => result.shares.some((share) => share.size === size));
  const paper = { source: paperCitation, setting: paperSetting, readOffUncertainty: paper1ReadOff, figures };
  return JSON.stringify({ ...result, paper }, null, 2);
}

/** The result of `bench shares` as a table, beside the paper's figures, and how to read it. */
export function sharesText(result: ShareBenchmark): string {
  return [
    `${result.runtimeLabel}, ${formatSignificant(result.matmulGflops)} GFLOP/s in a matrix product: this runtime's kernels`,
    '',
    formatTable(
      ['size', 'norm', 'ms', '× LayerNorm', '95 % interval', 'Jiang et al.'],
      result.shares.flatMap((share) =>
        share.norms.map(({ norm, milliseconds, relativeToLayerNorm, ci }, i) => [
          i === 0 ? `${share.size} (${share.layers}×${share.hiddenSize})` : '',
          norm,
          formatSignificant(milliseconds, 4),
          relativeToLayerNorm.toFixed(3),
          norm === 'layernorm' ? null : `${ci[0].toFixed(3)} … ${ci[1].toFixed(3)}`,
          paperFigure(share.size, norm)?.toFixed(2),
        ]),
      ),
    ),
    '',
    ...result.shares.map(shareSentence),
    '',
    ...result.shares.map(({ size, composed }) => `${size}: ${composed}`),
    intervalNote,
    `Rounds: ${result.parts.map(roundsText).join(', ')}. Most memory held: ${formatBytes(result.peakResidentBytes)}.`,
    `Jiang et al.: ${paperCitation}, read off a chart (±${paper1ReadOff}); ${paperSetting}. Another device and`,
    '    runtime, so the figures need not agree. Their table gives XL 24 heads of 128, which are not its 2048: here 16.',
  ].join('\n');
}

function roundsText({ size, rounds, replicates }: MeasuredParts): string {
  return `${size} ${rounds} in ${replicates} replicates`;
}

function shareSentence({ size, batch, tokens, normShare }: TimeShare): string {
  const { value, ci } = normShare;
  const theirs = paperFigure(size, 'none');
  const paper = theirs === undefined ? '' : `; Jiang et al.: ${percent(1 - theirs)}`;
  return (
    `${size}: removing its norms saves ${percent(value)} of the LayerNorm model's time ` +
    `(95 % interval ${percent(ci[0])} … ${percent(ci[1])}) at batch ${batch}, ${tokens} tokens${paper}`
  );
}

const paperKeys: Readonly<Record<string, Exclude<keyof Paper1Shares, 'size'>>> = {
  layernorm: 'preLn',
  none: 'withoutNorm',
  rmsnorm: 'preRms',
  crmsnorm: 'preCrms',
};

/** The paper's time relative to LayerNorm; undefined where it has none for the size or norm. */
export function paperFigure(size: string, norm: string): number | undefined {
  const key = paperKeys[norm];
  return key === undefined ? undefined : paper1GptShares.find((figure) => figure.size === size)?.[key];
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(1)} %`;
}
