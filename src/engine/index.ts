export * from './calibrate.ts';
export { cpuEngine } from './cpu.ts';
export { type EngineInfo, engineInfo } from './info.ts';
export { engineNamed } from './named.ts';
export type { NodeProfile, ProfileEntry, ProfileSummary } from './profile.ts';
export * from './types.ts';
export { type EngineUse, engineUse } from './use.ts';
export { type AdapterSearch, findAdapter } from './webgpu/adapter.ts';
export { webgpuEngine } from './webgpu/engine.ts';
