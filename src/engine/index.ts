export * from './calibrate.ts';
export { cpuEngine } from './cpu.ts';
export { type EngineInfo, engineInfo } from './info.ts';
export type { NodeProfile, ProfileEntry, ProfileSummary } from './profile.ts';
export type * from './types.ts';
