import type { Block } from '../document.ts';
import { duration, fixed, pValue, quantity, signed, significant } from '../format.ts';
import { figures } from '../plots/index.ts';
import type { NormRuns, StudyResults, TrainingResults } from '../results.ts';

/** Training: setting, losses, stability. */
export function trainingBlocks(results: StudyResults): readonly Block[] {
  const { training, speed } = results;
  if (!training) return [];
  return [
    { kind: 'figure', figure: figures.pairedDifferences },
    lossTable(training),
    { kind: 'figure', figure: figures.validationLoss },
    { kind: 'figure', figure: figures.validationDifference },
    { kind: 'figure', figure: figures.gradientNorms },
    stabilityTable(training, speed !== null),
    settingTable(training),
  ];
}

function lossTable(training: TrainingResults): Block {
  const margin = training.norms.find((norm) => norm.paired?.equivalence)?.paired?.equivalence?.margin;
  return {
    kind: 'table',
    folded: false,
    table: {
      caption:
        'Runs that finished without diverging, their final validation loss in nats per byte (mean ± standard deviation over seeds), and the paired difference to LayerNorm with its confidence interval, the p-value of a difference, and that of the test for a difference within the margin (✓: equivalence shown).',
      columns: [
        { heading: 'Norm' },
        { heading: 'Finished', numeric: true },
        { heading: 'Loss ± SD', numeric: true },
        { heading: 'Minus LN', numeric: true },
        { heading: `${Math.round((levelOf(training) ?? 0.95) * 100)}% CI`, numeric: true },
        { heading: 'p, difference', numeric: true },
        { heading: margin === undefined ? 'p, within margin' : `p, within ±${margin}`, numeric: true },
      ],
      rows: training.norms.map((norm) => [norm.name, finishedRuns(norm), lossCell(norm), ...pairedCells(norm)]),
    },
  };
}

function levelOf(training: TrainingResults): number | undefined {
  return training.norms.find((norm) => norm.paired)?.paired?.level;
}

function finishedRuns(norm: NormRuns): string {
  const diverged = norm.runs.filter((run) => run.diverged).length;
  return `${norm.runs.length - diverged} of ${norm.runs.length}`;
}

function lossCell({ meanFinalLoss, sdFinalLoss }: NormRuns): string {
  if (meanFinalLoss === null) return '–';
  return `${fixed(meanFinalLoss, 4)}${sdFinalLoss === null ? '' : ` ± ${fixed(sdFinalLoss, 4)}`}`;
}

function pairedCells({ paired }: NormRuns): readonly string[] {
  if (!paired) return ['–', '–', '–', '–'];
  const { equivalence } = paired;
  return [
    signed(paired.difference, 4),
    paired.ci ? `${signed(paired.ci[0], 4)} to ${signed(paired.ci[1], 4)}` : '–',
    paired.pValue === null ? '–' : bareP(paired.pValue),
    equivalence ? `${bareP(equivalence.pValue)}${equivalence.equivalent ? ' ✓' : ''}` : '–',
  ];
}

function bareP(p: number): string {
  return pValue(p).replace('p = ', '').replace('p < ', '< ');
}

function stabilityTable(training: TrainingResults, speedFollows: boolean): Block {
  return {
    kind: 'table',
    folded: false,
    table: {
      caption: `Stability and throughput, mean over runs. Spikes: steps at least 7 standard deviations from the mean of the 1,000 steps before, none before there are 1,000 (–: the runs are too short). Spike score: the percentage of the judged steps that are spikes. Throughput is that of whole training runs and no fair comparison of speed${speedFollows ? '; the next section has one' : ''}.`,
      columns: [
        { heading: 'Norm' },
        { heading: 'Spikes', numeric: true },
        { heading: 'Spike score, gradient norm (%)', numeric: true },
        { heading: 'Spike score, loss (%)', numeric: true },
        { heading: 'Mean gradient norm', numeric: true },
        { heading: 'Tokens/s', numeric: true },
      ],
      rows: training.norms.map((norm) => [
        norm.name,
        spikesOf(norm),
        meanOf(
          norm.runs.map((run) => run.gradNormSpikeScore),
          (score) => fixed(score, 3),
        ),
        meanOf(
          norm.runs.map((run) => run.lossSpikeScore),
          (score) => fixed(score, 3),
        ),
        meanOf(
          norm.runs.map((run) => run.meanGradNorm),
          (value) => significant(value),
        ),
        meanOf(
          norm.runs.map((run) => run.tokensPerSecond),
          (value) => fixed(value, 0),
        ),
      ]),
    },
  };
}

function spikesOf({ runs }: NormRuns): string {
  const judged = runs.some((run) => run.gradNormSpikeScore !== null);
  const found = runs.reduce((sum, run) => sum + run.spikeSteps.length, 0);
  return judged || found > 0 ? fixed(found, 0) : '–';
}

function meanOf(values: readonly (number | null)[], write: (mean: number) => string): string {
  const known = values.filter((value) => value !== null);
  return known.length === 0 ? '–' : write(known.reduce((sum, value) => sum + value, 0) / known.length);
}

function settingTable({ model, optimizer, corpus, seeds, norms }: TrainingResults): Block {
  const rate = norms.flatMap((norm) => norm.runs.map((run) => run.tokensPerSecond));
  const seconds = rate.reduce((sum, tokensPerSecond) => sum + optimizer.tokensPerRun / tokensPerSecond, 0);
  return {
    kind: 'table',
    folded: true,
    table: {
      caption: 'How the models were trained.',
      columns: [{ heading: 'Setting' }, { heading: 'Value' }],
      rows: [
        [
          'Model',
          `${model.layers} layers of width ${fixed(model.hiddenSize, 0)}, ${model.heads} heads, context ${fixed(model.context, 0)}, vocabulary ${fixed(model.vocabularySize, 0)}: ${quantity(model.parameters)} parameters`,
        ],
        ['Optimizer', `${optimizer.name}, learning rate ${optimizer.learningRate}`],
        ...Object.entries(optimizer.other).map(([name, value]) => [name, String(value)]),
        [
          'Batch',
          `${fixed(optimizer.batch, 0)} sequences, ${fixed(optimizer.steps, 0)} steps, ${quantity(optimizer.tokensPerRun)} tokens a run`,
        ],
        [
          'Corpus',
          `${corpus.name}, ${quantity(corpus.bytes)} bytes; entropy ${fixed(corpus.unigramEntropy, 3)} (bytes alone) and ${fixed(corpus.bigramEntropy, 3)} (given the byte before) nats per byte`,
        ],
        ['Seeds', seeds.join(', ')],
        ['Time in training', `about ${duration(seconds)} over ${rate.length} runs`],
      ],
    },
  };
}
