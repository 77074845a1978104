import { z } from 'zod';

const loadedSchema = z.object({
  /** Of the weights in float32, which the engine computes in. */
  weightBytes: z.number().positive(),
  /** From the folder to the session. */
  loadSeconds: z.number().positive(),
  /** The first run, which reads mapped weights from the files. */
  firstSeconds: z.number().positive(),
  secondSeconds: z.number().positive(),
  /** The most memory that the process ever held. */
  peakBytes: z.number().positive(),
});

/** What one process measured. */
export type Loaded = z.infer<typeof loadedSchema>;

export function parseLoaded(text: string): Loaded {
  return loadedSchema.parse(JSON.parse(text));
}
