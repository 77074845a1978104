import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'forks',
    // All processors: by default one of them is left for a browser that nobody opens here.
    maxWorkers: availableParallelism(),
    testTimeout: 60_000,
  },
});
