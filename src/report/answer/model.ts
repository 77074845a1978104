import { enumeration, fixed, percent, plural, quantity, scientific, significant } from '../format.ts';
import type { ConvertedResult, ModelConversion, ModelResults, ModelTiming, ModelWorkload } from '../model-results.ts';
import { catalogueName } from '../names.ts';
import type { Confidence } from './confidence.ts';
import {
  type Effect,
  effectOf,
  effectText,
  timeOf,
  tooSmallToMatter,
  variantName,
  workloadName,
} from './model-time.ts';

/**
 * Whether a model can have RMSNorm.
 *
 * `free`: converted, and the certificate passed. `uncertified`: converted without one. `failed`: the certificate said no.
 * `convertible`: it would convert, and was not. `has-it`: its norms are RMSNorms. `refused`: it can't be converted exactly.
 */
export type ModelVerdict = 'free' | 'uncertified' | 'failed' | 'convertible' | 'has-it' | 'refused';

/** "LayerNorm or RMSNorm?", answered for one model. */
export interface ModelAnswer {
  readonly verdict: ModelVerdict;
  /** For the headline. */
  readonly headline: string;
  readonly advice: string;
  readonly confidence: Confidence;
  readonly confidenceReasons: readonly string[];
  readonly subject: readonly string[];
  readonly switching: readonly string[];
  readonly time: readonly string[];
}

/** The rules of the confidence in what is said of a model, as the report prints them. */
export const modelConfidenceRules = [
  'Low: the certificate failed, or there is none.',
  `Moderate: the certificate passed, but the time of a prompt or of a token was not measured, or its interval neither excludes 1 nor lies within ${percent(tooSmallToMatter, 0)} of it.`,
  'High: the certificate passed and both times are settled. Also where a model has RMSNorms already, or its architecture rules an exact conversion out: this is read, not measured.',
] as const;

/** What is said of a model, from its results alone. */
export function answerForModel(model: ModelResults): ModelAnswer {
  const verdict = verdictOf(model.conversions);
  const effects = effectsOf(model.timing);
  return {
    verdict,
    headline: `For ${model.name}: ${[verdictSentence(model, verdict), ...timeHeadline(model, verdict)].join(' ')}`,
    advice: adviceOf(verdict, effects),
    ...judge(verdict, model, effects),
    subject: subjectSentences(model),
    switching: switchingSentences(model),
    time: timeSentences(model),
  };
}

function verdictOf(conversions: readonly ModelConversion[]): ModelVerdict {
  if (conversions.some(({ outcome }) => outcome === 'nothing-to-do')) return 'has-it';
  if (conversions.some(({ outcome }) => outcome === 'failed')) return 'failed';
  const first = conversions.find(({ target }) => target === 'rmsnorm') ?? conversions[0];
  if (first === undefined) return 'refused';
  switch (first.outcome) {
    case 'converted':
      return first.certificate === null ? 'uncertified' : 'free';
    case 'convertible':
      return 'convertible';
    default:
      return 'refused';
  }
}

function verdictSentence({ norms, conversions }: ModelResults, verdict: ModelVerdict): string {
  switch (verdict) {
    case 'free':
      return 'RMSNorm computes the same, up to the rounding of its weights.';
    case 'uncertified':
      return 'it was rewritten with RMSNorm by rules that keep its function, but no certificate shows that they did.';
    case 'failed': {
      const failed = conversions.filter(({ outcome }) => outcome === 'failed');
      return `the conversion to ${namesOf(failed)} FAILED its certificate.`;
    }
    case 'convertible':
      return 'it can be rewritten with RMSNorm without changing what it computes; that was not done here.';
    case 'has-it':
      return `it has ${norms[0]?.name ?? 'RMSNorm'} already; there is nothing to switch.`;
    case 'refused':
      return 'it can’t be switched: no RMSNorm model computes exactly the same with its weights.';
  }
}

function namesOf(conversions: readonly ModelConversion[]): string {
  return enumeration(conversions.map(({ target }) => catalogueName(target)));
}

/** The variant whose time the answer is about: RMSNorm for a LayerNorm model, LayerNorm for one of RMSNorms. */
function comparedVariant({ baseline, variants }: ModelTiming): ModelTiming['variants'][number] | undefined {
  return variants.find(({ id }) => id !== baseline && (id === 'rmsnorm' || id === 'layernorm'));
}

function timeHeadline({ timing }: ModelResults, verdict: ModelVerdict): readonly string[] {
  const variant = timing === null ? undefined : comparedVariant(timing);
  if (timing === null || variant === undefined || verdict === 'failed') return [];
  const { id, name, sameFunction } = variant;
  const parts = timing.workloads.flatMap((workload) => {
    const time = timeOf(workload, id);
    return time === undefined ? [] : [{ what: workloadName(workload), effect: effectText(time) }];
  });
  if (parts.length === 0) return [];
  const takes = sameFunction ? 'takes' : 'would take';
  const times = enumeration(parts.map(({ what, effect }, i) => `${what} ${i === 0 ? `${takes} ` : ''}${effect}`));
  return [`${sameFunction ? `With ${name} on this machine` : `Trained with ${name} instead,`} ${times}.`];
}

interface WorkloadEffect {
  readonly effect: Effect;
  readonly workload: ModelWorkload;
}

/** What RMSNorm, or LayerNorm in its place, does to the time of each workload. */
function effectsOf(timing: ModelTiming | null): readonly WorkloadEffect[] {
  const variant = timing === null ? undefined : comparedVariant(timing);
  if (timing === null || variant === undefined) return [];
  return timing.workloads.flatMap((workload) => {
    const time = timeOf(workload, variant.id);
    return time === undefined ? [] : [{ workload, effect: effectOf(time) }];
  });
}

function adviceOf(verdict: ModelVerdict, effects: readonly WorkloadEffect[]): string {
  switch (verdict) {
    case 'failed':
      return 'Don’t use the converted model, and report this: a certificate that fails is a fault of the conversion or of the files.';
    case 'has-it':
      return 'Keep it as it is.';
    case 'refused':
      return 'Keep its norms; another kind needs another training.';
    case 'convertible':
      return 'normlab convert makes the RMSNorm model and its certificate.';
    case 'free':
    case 'uncertified': {
      const check = verdict === 'uncertified' ? 'Certify it first (normlab certify). ' : '';
      const saves = effects.some(({ effect }) => effect === 'less');
      const costs = effects.some(({ effect }) => effect === 'more');
      if (saves && !costs) return `${check}Switch to RMSNorm for this machine.`;
      if (costs && !saves) {
        return `${check}For time on this machine keep LayerNorm; convert where your runtime or method wants RMSNorm.`;
      }
      if (saves && costs) {
        return `${check}It depends on what the model spends its time with: RMSNorm wins in one case and loses in the other.`;
      }
      return effects.length === 0
        ? `${check}Switch where your runtime or method wants RMSNorm; what it does to time was not measured.`
        : `${check}Either: time gives no reason here to switch or not to. Go by what your runtime or method wants.`;
    }
  }
}

function judge(
  verdict: ModelVerdict,
  { notTimed }: ModelResults,
  effects: readonly WorkloadEffect[],
): Pick<ModelAnswer, 'confidence' | 'confidenceReasons'> {
  switch (verdict) {
    case 'failed':
      return { confidence: 'low', confidenceReasons: ['the certificate failed'] };
    case 'uncertified':
    case 'convertible':
      return { confidence: 'low', confidenceReasons: ['there is no certificate'] };
    case 'has-it':
    case 'refused':
      return { confidence: 'high', confidenceReasons: ['this follows from its architecture'] };
    case 'free': {
      const open = effects.filter(({ effect }) => effect === 'open');
      if (notTimed !== null || effects.length === 0) {
        return { confidence: 'moderate', confidenceReasons: ['the certificate passed', 'no time was measured'] };
      }
      if (open.length > 0) {
        return {
          confidence: 'moderate',
          confidenceReasons: ['the certificate passed', 'not every time is settled'],
        };
      }
      return { confidence: 'high', confidenceReasons: ['the certificate passed', 'both times are settled'] };
    }
  }
}

function subjectSentences(model: ModelResults): readonly string[] {
  const { name, family, parameters, layers, hiddenSize, norms, weights } = model;
  const groups = norms.map(
    ({ count, name: norm, where, epsilon }) => `${fixed(count, 0)} × ${norm} ${where} (ε = ${epsilonText(epsilon)})`,
  );
  const inNorms = norms.reduce((sum, group) => sum + group.parameters, 0);
  const held =
    inNorms === 0 ? 'they have no parameters' : `they hold ${percent(inNorms / parameters, 3)} of its parameters`;
  return [
    `${name} is a model of the family ${family} with ${quantity(parameters)} parameters in ${plural(layers, 'layer')} of width ${fixed(hiddenSize, 0)}${weights === null ? '; its folder holds no weights' : `, stored as ${weights}`}.`,
    groups.length === 0 ? 'It has no norms.' : `Its norms: ${enumeration(groups)}; ${held}.`,
  ];
}

function epsilonText(epsilon: number): string {
  return epsilon === 0 ? '0' : epsilon.toExponential().replace('e+0', '');
}

function switchingSentences({ conversions, noPerplexity }: ModelResults): readonly string[] {
  const converted = conversions.filter((conversion) => conversion.outcome === 'converted');
  return [
    ...alike(conversions).map((group) => `To ${namesOf(group)}${conversionText(group[0])}`),
    ...perplexitySentence(converted),
    ...(converted.length > 0 && noPerplexity !== null ? [`Its perplexity was not measured: ${noPerplexity}.`] : []),
  ];
}

type Group = readonly [ModelConversion, ...ModelConversion[]];

/** Conversions of which the same is to be said, together. */
function alike(conversions: readonly ModelConversion[]): readonly Group[] {
  const groups = new Map<string, Group>();
  for (const conversion of conversions) {
    const text = conversionText(conversion);
    const [first, ...rest] = groups.get(text) ?? [];
    groups.set(text, first === undefined ? [conversion] : [first, ...rest, conversion]);
  }
  return [...groups.values()];
}

function conversionText(conversion: ModelConversion): string {
  switch (conversion.outcome) {
    case 'converted':
      return convertedText(conversion);
    case 'convertible':
      return `: it converts without loss, but ${conversion.reason}.`;
    case 'failed':
      return `: FAILED. ${sentence(conversion.reason)}`;
    case 'nothing-to-do':
      return `: ${sentence(conversion.reason)}`;
    case 'refused':
      return `: refused. ${capital(sentence(conversion.reason))} ${conversion.advice}`;
  }
}

function convertedText(conversion: ConvertedResult): string {
  const { tensors, tensorsRewritten, untiedHead, certificate, folder, notCertified, dtype } = conversion;
  const head = untiedHead ? '; the head, which was the token embedding, became a matrix of its own' : '';
  const done = `, in ${folder} beside this report: ${fixed(tensorsRewritten, 0)} of ${fixed(tensors, 0)} tensors were rewritten${head}.`;
  if (certificate === null) return `${done} There is no certificate: ${sentence(notCertified ?? 'none was asked for')}`;
  const { algebra, run, floor } = certificate;
  return `${done} The certificate passed: in float64 no logit differs by more than ${scientific(algebra.maxAbsLogit)}, and stored as ${dtype} and run in float32 none by more than ${scientific(run.maxAbsLogit)}, where rounding the source's weights alone does ${scientific(floor.maxAbsLogit)}.`;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function perplexitySentence(converted: readonly ConvertedResult[]): readonly string[] {
  const measured = converted.flatMap(({ target, perplexity }) =>
    perplexity === null ? [] : [{ target, ...perplexity }],
  );
  const [first] = measured;
  if (first === undefined) return [];
  const write = (value: number) => significant(value, 6);
  const after = measured.map((one) => `${write(one.after)} as ${catalogueName(one.target)}`);
  return [
    `On the first ${fixed(first.tokens, 0)} tokens of ${first.text} its perplexity is ${enumeration([`${write(first.before)} as it is`, ...after])}.`,
  ];
}

function timeSentences({ timing, notTimed }: ModelResults): readonly string[] {
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
            `Without any of its norms it takes ${effectText(without)}, and no norm can save more than its removal does.`,
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

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
