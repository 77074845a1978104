import type { StudyOptions, StudyResult } from './options.ts';

export { type OptionalPart, optionalParts, type StudyOptions, type StudyResult } from './options.ts';
export { findProfile, type Profile, profiles } from './profiles.ts';

/**
 * Measures, trains, converts and looks up what bears on "LayerNorm or RMSNorm?", and writes the report.
 *
 * Finished parts are kept in the folder: a study that was stopped, even killed, goes on where it was.
 */
export async function runStudy(options: StudyOptions): Promise<StudyResult> {
  // The report's plots take half a second to load, which every other command would pay for.
  const study = await import('./study.ts');
  return study.runStudy(options);
}
