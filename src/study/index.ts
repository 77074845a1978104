export { findProfile, type Profile, profiles } from './profiles.ts';
export { type OptionalPart, optionalParts, runStudy, type StudyOptions, type StudyResult } from './study.ts';
