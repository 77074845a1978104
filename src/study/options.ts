import type { Answer, StudyResults } from '../report/index.ts';
import type { Profile } from './profiles.ts';

/** Parts that can be left out. */
export const optionalParts = ['speed', 'training', 'conversions'] as const;
export type OptionalPart = (typeof optionalParts)[number];

export interface StudyOptions {
  /** A profile, or the id of one. */
  readonly profile: string | Profile;
  readonly out: string;
  /** The files to train on; null is the speeches that come with normlab. */
  readonly text?: readonly string[] | null;
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
