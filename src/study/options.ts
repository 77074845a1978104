import type { Answer, StudyResults } from '../report/index.ts';
import type { Profile } from './profiles.ts';

/** Parts that can be left out, and in a study of one model be asked for. */
export const optionalParts = ['speed', 'training', 'conversions'] as const;
export type OptionalPart = (typeof optionalParts)[number];

export interface StudyOptions {
  /** A profile, or the id of one. */
  readonly profile: string | Profile;
  readonly out: string;
  /** The folder of a model that the study is about. Of the parts on models in general, it has those in `with` alone. */
  readonly model?: string;
  /** With `model`: what else is measured. Default: nothing. */
  readonly with?: readonly OptionalPart[];
  /** The files to train on, of which a model's perplexity is on the first; null is the speeches that come with normlab. */
  readonly text?: readonly string[] | null;
  /** Of a study's parts; with `model`, `speed` is its time, and `conversions` are its conversions. */
  readonly skip?: readonly OptionalPart[];
  /** Starts over where the folder holds a study already. */
  readonly force?: boolean;
  readonly signal?: AbortSignal;
  /** Called with the part that is being worked on and a line that says how far it is. */
  readonly onProgress?: (part: string, line: string) => void;
}

export interface StudyResult {
  readonly answer: Answer;
  readonly results: StudyResults;
  /** The paths of the written report. */
  readonly files: readonly string[];
  readonly elapsedSeconds: number;
}
