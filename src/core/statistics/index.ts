export { type BootstrapOptions, type Ratio, ratioOfMedians, ratioOfPairs } from './bootstrap.ts';
export { geometricMean, mean, median, quantile, standardDeviation } from './describe.ts';
export { type Equivalence, equivalenceTest, smallestDetectableDifference } from './equivalence.ts';
export { type SpikeOptions, type SpikeScore, spikeScore } from './spikes.ts';
export { type Estimate, estimateMean, type Interval, type PairedDifference, pairedDifference } from './student.ts';
