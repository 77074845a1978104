export { type GgufArchitecture, ggufArchitectureOf } from './architecture.ts';
export { type Fit, type FitOptions, fitGguf } from './fit.ts';
export { ggufContext, ggufMetadata } from './metadata.ts';
export { type GgufModel, openGgufModel } from './open.ts';
export { ggufStorage } from './storage.ts';
