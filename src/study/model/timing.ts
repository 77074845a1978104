import { benchDecoders } from '../../bench/index.ts';
import type { ConversionVerdict } from '../../convert/index.ts';
import type { ModelTiming } from '../../report/index.ts';
import type { Profile } from '../profiles.ts';
import type { StudySubject } from './subject.ts';
import { comparisons, modelVariants, timedVariants } from './variants.ts';

/**
 * Times a model, what it converts to and what it would be without norms: a prompt, and one more token after it.
 *
 * Throws InputError where it doesn't fit in memory, or is too small to be timed.
 */
export async function timeModel(
  { spec, family }: StudySubject,
  verdicts: readonly ConversionVerdict[],
  plan: Profile['model'],
  onProgress: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<ModelTiming> {
  const variants = modelVariants(spec, verdicts);
  const compared = comparisons(variants);
  const room = spec.maxPositions ?? Number.POSITIVE_INFINITY;
  const tokens = Math.max(1, Math.min(plan.tokens, room - 1));
  const cached = Math.min(tokens, room - 1);
  const { workloads, runtimeLabel, replicates, layers, composed } = await benchDecoders({
    variants: timedVariants(variants),
    comparisons: compared.map(({ variant, relativeTo }) => ({ variant, relativeTo })),
    workloads: [
      { tokens, cached: 0 },
      { tokens: 1, cached },
    ],
    like: family.storage(spec),
    layerParameters: plan.layerParameters,
    seconds: plan.seconds,
    signal,
    onProgress: ({ what, fraction }) => onProgress(`${what}: ${Math.round(100 * fraction)}%`),
  });
  return {
    runtimeLabel,
    baseline: variants[0].id,
    variants: variants.map(({ id, name, sameFunction }) => ({ id, name, sameFunction })),
    layers: spec.numLayers,
    layersRun: layers,
    composed,
    replicates,
    workloads: workloads.map(({ rounds, milliseconds, ratios }, index) => ({
      id: index === 0 ? 'prompt' : 'token',
      tokens: index === 0 ? tokens : cached,
      rounds,
      times: compared.flatMap(({ id, norms, variant }, i) => {
        const ratio = ratios[i];
        const ms = milliseconds.get(variant);
        if (ratio === undefined || ms === undefined) throw new Error(`study: ${variant} was not timed`);
        return [
          { variant: id, norms, milliseconds: ms, relative: ratio.ratio, ci: [ratio.ci[0], ratio.ci[1]] as const },
        ];
      }),
    })),
  };
}
