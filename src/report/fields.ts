import { z } from 'zod';

/** What fields of `report.json` are made of. */
export const text = z.string().min(1);
export const positive = z.number().positive();
export const count = z.int().nonnegative();
export const positiveCount = z.int().positive();
export const proportion = z.number().min(0).max(1);
export const interval = z.tuple([z.number(), z.number()]);

export type Interval = readonly [number, number];

/** How far the logits of two models are apart. */
export const difference = z.strictObject({
  maxAbsLogit: z.number().nonnegative(),
  nmse: z.number().nonnegative(),
  kl: z.number(),
  top1Agreement: proportion,
});

/** The figures of a conversion's certificate. */
export const certificate = z.strictObject({
  algebra: difference,
  stored: difference,
  run: difference,
  floor: difference,
  passed: z.boolean(),
});

export type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
