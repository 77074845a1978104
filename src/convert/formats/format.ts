import type { Model } from '../../models/index.ts';
import type { InputIds } from '../certificate/observe.ts';
import type { ConversionTarget, RewriteOptions, StoredDType } from '../options.ts';
import type { ConversionPlan } from '../rules/plan.ts';
import type { Parameters } from '../rules/steps.ts';
import type { OutputTensor } from '../write/layout.ts';
import type { SourceHash } from '../write/source.ts';
import type { WriteOptions } from '../write/weights.ts';

/** What is to become of a model: all that a format decides by. */
export interface FormatRequest {
  readonly model: Pick<Model, 'folder' | 'family' | 'spec'>;
  readonly target: ConversionTarget;
  /** What was asked for besides, whether or not the target does it anyway. */
  readonly rewrites: RewriteOptions;
  readonly dtype: StoredDType;
  /** The operator set of a graph, where the format is one. Absent: the format's default. */
  readonly opset?: number | undefined;
}

export interface OutputRequest extends FormatRequest {
  readonly model: Model;
  readonly plan: ConversionPlan;
}

/** What a folder got besides the weights. */
export interface WrittenRest {
  /** The names of the source's files that were copied. */
  readonly copied: readonly string[];
  /** Sentences that a user should read: what the format could not take over. */
  readonly notes: readonly string[];
}

/** A converted model on its way into a folder. */
export interface FormatOutput {
  /** How each parameter of the plan is stored: what the certificate lists, and what `storedBytes` adds up. */
  readonly tensors: readonly OutputTensor[];
  /** Computes and writes the tensors while the source is being hashed; `streamTensors` gives them in order. */
  writeWeights(folder: string, options: WriteOptions): Promise<void>;
  /** Writes everything else, once the weights are written and the source's hash is known. */
  writeRest(folder: string, source: SourceHash): Promise<WrittenRest>;
}

/** A written decoder as the certificate reads it: from the written files alone. */
export interface WrittenDecoder {
  /** By canonical names and in canonical shapes, each read when asked for. */
  readonly parameters: Parameters;
  readonly spec: Model['spec'];
  close(): Promise<void>;
}

/** A way to store a converted decoder: one object, in the list of `registry.ts`. */
export interface Format<Id extends string = string> {
  readonly id: Id;
  /** What it is, in a few words, for a line that lists the formats. */
  readonly meaning: string;
  readonly targets: readonly ConversionTarget[];
  /** Why the other targets have no place in it. */
  readonly otherTargets: string;
  /**
   * Why it can't hold what is asked for, with what to do instead, as far as that is known without the plan; undefined where
   * it can.
   */
  obstacle(request: FormatRequest): string | undefined;
  /** How the decoder comes about that is stored. Throws RefusalError where there is none that this format can hold. */
  plan(request: Omit<FormatRequest, 'dtype'>): ConversionPlan;
  /** Decides what is written where. Throws InputError, RefusalError. */
  output(request: OutputRequest): Promise<FormatOutput>;
  /** Opens what was written. */
  open(folder: string): Promise<WrittenDecoder>;
  /** Runs what was written by itself, where it is a program: logits `[batch, sequence, vocabularySize]`, row by row. */
  readonly run?: (folder: string, spec: Model['spec'], inputIds: InputIds) => Promise<Float64Array>;
}
