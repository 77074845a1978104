import type { StudyResults } from '../results.ts';
import type { Svg } from './svg.ts';

/** One plot of the report. */
export interface Figure {
  /** Names the file and the anchor. */
  readonly id: string;
  readonly title: string;
  /** What it shows and doesn't, with units. */
  caption(results: StudyResults): string;
  /** Null where the results hold nothing to draw. `idPrefix` keeps ids apart when a page draws a figure twice. */
  draw(results: StudyResults, width: number, idPrefix?: string): Svg | null;
}
