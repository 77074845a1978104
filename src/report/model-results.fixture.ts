import type { ModelConversion, ModelResults, ModelTiming } from './model-results.ts';
import type { StudyResults } from './results.ts';

/** Invented results of one model, for tests. No number here was measured. */
export function syntheticModel(changes: Partial<ModelResults> = {}): ModelResults {
  return {
    name: 'my <model>',
    family: 'gpt2',
    parameters: 124_439_808,
    layers: 12,
    hiddenSize: 768,
    weights: '475 MiB (float32) in 149 tensors, 1 file',
    description: [{ label: 'Shape', text: '12 layers, 768 wide' }],
    norms: [norm('before attention', 12), norm('before the MLP', 12), norm('after the last block', 1)],
    conversions: [converted('rmsnorm'), converted('crmsnorm')],
    noPerplexity: null,
    timing: syntheticTiming(),
    notTimed: null,
    ...changes,
  };
}

function norm(where: string, count: number): ModelResults['norms'][number] {
  return { id: 'layernorm', name: 'LayerNorm', where, count, width: 768, epsilon: 1e-5, parameters: 1536 * count };
}

/** A conversion whose certificate passed. */
export function converted(target: ModelConversion['target']): ModelConversion & { readonly outcome: 'converted' } {
  const figures = (maxAbsLogit: number) => ({ maxAbsLogit, nmse: 0, kl: 0, top1Agreement: 1 });
  return {
    outcome: 'converted',
    target,
    folder: `converted/model-${target}`,
    format: target === 'rmsnorm' ? 'hf' : 'normlab',
    dtype: 'float32',
    tensors: 149,
    tensorsRewritten: target === 'rmsnorm' ? 50 : 148,
    untiedHead: true,
    certificate: {
      algebra: figures(2.1e-13),
      stored: figures(4.2e-5),
      run: figures(8.3e-5),
      floor: figures(3.9e-5),
      passed: true,
    },
    notCertified: null,
    perplexity: { text: 'a synthetic text', tokens: 256, before: 31.4159, after: 31.4158 },
  };
}

/** Times in which each variant's ratio has the given interval around it. */
export function syntheticTiming(
  rmsNorm: readonly [number, number] = [0.971, 0.985],
  token: readonly [number, number] = rmsNorm,
): ModelTiming {
  const variants = [
    { id: 'layernorm', name: 'LayerNorm', sameFunction: true },
    { id: 'rmsnorm', name: 'RMSNorm', sameFunction: true },
    { id: 'rmsnorm-folded', name: 'RMSNorm, parameters folded', sameFunction: true },
    { id: 'crmsnorm', name: 'CRMSNorm', sameFunction: true },
    { id: 'none', name: 'no norms', sameFunction: false },
  ];
  const intervals = (rms: readonly [number, number]): Readonly<Record<string, readonly [number, number]>> => ({
    layernorm: [1, 1],
    rmsnorm: rms,
    'rmsnorm-folded': [0.95, 0.97],
    crmsnorm: [0.99, 1.02],
    none: [0.9, 0.94],
  });
  return {
    runtimeLabel: 'ONNX Runtime 0.0 (synthetic), 2 threads',
    baseline: 'layernorm',
    variants,
    layers: 12,
    layersRun: 12,
    composed: 'All 12 layers were run, with random weights.',
    replicates: 4,
    workloads: [
      { id: 'prompt' as const, tokens: 512, ms: 900, rms: rmsNorm },
      { id: 'token' as const, tokens: 512, ms: 30, rms: token },
    ].map(({ id, tokens, ms, rms }) => ({
      id,
      tokens,
      rounds: 12,
      times: variants.flatMap((variant) =>
        (['kernels', 'plain'] as const).flatMap((norms) => {
          if (norms === 'plain' && variant.id === 'rmsnorm-folded') return [];
          const ci = intervals(rms)[variant.id] ?? ([1, 1] as const);
          const relative = (ci[0] + ci[1]) / 2;
          return [{ variant: variant.id, norms, milliseconds: ms * relative, relative, ci }];
        }),
      ),
    })),
  };
}

/** Results with those of a model among them. */
export function withModel(results: StudyResults, model: ModelResults = syntheticModel()): StudyResults {
  const { model: _, ...notMeasured } = results.notMeasured;
  return { ...results, model, notMeasured };
}
