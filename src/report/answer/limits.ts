import { enumeration, plural, quantity } from '../format.ts';
import type { StudyResults } from '../results.ts';

/** What the results do not show, from the results themselves. */
export function limits(results: StudyResults): readonly string[] {
  return [
    ...modelLimits(results),
    ...trainingLimits(results),
    ...speedLimits(results),
    ...conversionLimits(results),
    ...missingParts(results),
  ];
}

/** The limits that matter most, in one sentence for the first paragraph. */
export function limitsInShort({ model, training, speed }: StudyResults): string {
  const elsewhere = [
    ...(training
      ? [
          `other model sizes than ${quantity(training.model.parameters)} parameters`,
          `other data than “${training.corpus.name}”`,
          `other learning rates than ${training.optimizer.learningRate}`,
        ]
      : []),
    ...(model?.timing ? ['other batches than of one'] : []),
    ...(speed || model?.timing ? ["other kernels than this machine's"] : []),
  ];
  const missing = [
    ...(training ? [] : ['which norm trains to the lower loss']),
    ...(speed || model?.timing ? [] : ['what either norm costs in time']),
  ];
  const unknown = [...missing, ...(elsewhere.length > 0 ? [`what ${enumeration(elsewhere)} would give`] : [])];
  return `It does not show ${unknown.join(', or ')}.`;
}

function* modelLimits({ model, machine }: StudyResults): Generator<string> {
  if (!model) return;
  if (model.timing) {
    yield `Other loads and machines. ${model.name} was timed with a batch of one and in float32, with ${model.timing.runtimeLabel} on one ${machine.cpu}; with larger batches, quantized weights or a GPU the norms' share is another.`;
  }
  if (model.conversions.some(({ outcome }) => outcome === 'converted')) {
    yield `Training on. The conversion keeps the function of ${model.name}, not how it goes on learning: CRMSNorm in particular learns more slowly from there.`;
  }
}

function* trainingLimits({ training }: StudyResults): Generator<string> {
  if (!training) return;
  const { model, optimizer, corpus, seeds } = training;
  yield `Other sizes. The models have ${quantity(model.parameters)} parameters${model.parameters < 1e9 ? '; nothing here was trained at 1 billion or more' : ''}.`;
  yield `Other data. They read ${quantity(optimizer.tokensPerRun)} tokens each from ${corpus.name}, ${quantity(corpus.bytes)} bytes long, with a vocabulary of ${quantity(model.vocabularySize)}.`;
  yield `Other settings. One architecture and one learning rate (${optimizer.learningRate}) for every norm; a norm that wants another rate did not get it.`;
  yield `Rare events. Runs of ${quantity(optimizer.steps)} steps from ${plural(seeds.length, 'seed')} cannot show an instability that strikes once in many runs or late in a long one.`;
  if (training.missing.length > 0) yield `Planned and missing: ${enumeration(training.missing)}.`;
}

function* speedLimits({ speed, machine }: StudyResults): Generator<string> {
  if (!speed) return;
  yield `Other machines. Times are those of ${speed.runtimeLabel} on one ${machine.cpu}; on a GPU, or where a compiler fuses the norm into its neighbours, the shares differ.`;
  if (speed.shares.length > 0) {
    yield 'End-to-end times of published models. The share of a norm is composed from measured parts, as the caption of its figure says.';
  }
}

function* conversionLimits({ conversions }: StudyResults): Generator<string> {
  if (!conversions || conversions.length === 0) return;
  yield 'Other checkpoints. A certificate holds for the model it was made for; every conversion makes its own.';
}

function* missingParts(results: StudyResults): Generator<string> {
  // Without a model's name there is no question about one.
  const left = Object.entries(results.notMeasured).filter(([part]) => part !== 'model');
  const missing = left.map(([part, reason]) => `${part} (${reason})`);
  if (missing.length > 0) yield `Left out of this study: ${enumeration(missing)}.`;
}
