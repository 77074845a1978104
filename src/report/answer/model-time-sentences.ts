import { capital, significant } from '../format.ts';
import type { ModelResults, ModelTiming, ModelWorkload } from '../model-results.ts';
import { sentence } from './model-sentences.ts';
import { effectText, timeOf, variantName, workloadName } from './model-time.ts';

/** What a model's time is with each norm, kernels and plain operations apart. */
export function timeSentences({ timing, notTimed }: ModelResults): readonly string[] {
  if (timing === null) return [`Its time was not measured: ${sentence(notTimed ?? 'no reason was given')}`];
  return [
    ...timing.workloads.flatMap((workload) => workloadSentences(timing, workload)),
    ...plainSentences(timing),
    `These are the kernels of ${timing.runtimeLabel}; another runtime or device has others, and the order of the norms can differ there.`,
  ];
}

function workloadSentences(timing: ModelTiming, workload: ModelWorkload): readonly string[] {
  const own = timeOf(workload, timing.baseline);
  if (own === undefined) return [];
  const others = othersOf(timing, workload, 'kernels');
  const without = timeOf(workload, 'none');
  return [
    [
      `${capital(workloadName(workload))} takes ${significant(own.milliseconds)} ms as it is, with ${variantName(timing, timing.baseline)}.`,
      ...(others.length === 0 ? [] : [`Relative to that it takes ${others.join('; ')}.`]),
      ...(without === undefined
        ? []
        : [
            `Without the norms on its stream it takes ${effectText(without)}, and no norm in their place can save more.`,
          ]),
    ].join(' '),
  ];
}

/** `with RMSNorm 1.2% less time (…)`, for what is timed beside the model as it is and without norms. */
function othersOf(timing: ModelTiming, workload: ModelWorkload, norms: 'kernels' | 'plain'): readonly string[] {
  return timing.variants.flatMap(({ id, name }) => {
    const time = id === timing.baseline || id === 'none' ? undefined : timeOf(workload, id, norms);
    return time === undefined ? [] : [`with ${name} ${effectText(time)}`];
  });
}

/** The comparison at equal quality: the same building blocks for every norm. */
function plainSentences(timing: ModelTiming): readonly string[] {
  const found = timing.workloads.flatMap((workload) => {
    const others = othersOf(timing, workload, 'plain');
    return others.length === 0 ? [] : [`${workloadName(workload)} takes ${others.join('; ')}`];
  });
  if (found.length === 0) return [];
  return [
    `With every norm written in the same plain operations, so that the quality of kernels plays no part, ${found.join('. And ')}.`,
  ];
}
