import type { EngineOptions } from '../engine/index.ts';
import type { Corpus } from '../text/index.ts';
import type { TrainConfig } from './config.ts';

export interface TrainOptions {
  readonly folder: string;
  readonly config: TrainConfig;
  readonly corpus: Corpus;
  readonly engine?: EngineOptions;
  /** Starts over where the folder holds a run already. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
  /** Seconds between two checkpoints; default 15. */
  readonly checkpointSeconds?: number;
}

export interface TrainProgress {
  readonly step: number;
  readonly steps: number;
  /** Nats per token, of the last batch. */
  readonly loss: number;
  readonly validationLoss: number | null;
  readonly tokensPerSecond: number;
  /** From the steps of this attempt, held-out losses and checkpoints included. */
  readonly remainingSeconds: number;
}

export interface TrainResult {
  readonly folder: string;
  readonly reason: 'finished' | 'diverged';
  readonly step: number;
  /** Nats per token on held-out text; null where the run diverged. */
  readonly finalValidationLoss: number | null;
  readonly parameters: number;
  /** False where the run had been finished before. */
  readonly trained: boolean;
}
