import { benchNorms } from '../bench/index.ts';
export async function measureSpeed(): Promise<never> { void benchNorms; throw new Error('not yet'); }
