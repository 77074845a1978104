import { enumeration, percent } from '../format.ts';
import type { ModelConversion, ModelResults, ModelTiming, ModelWorkload } from '../model-results.ts';
import type { Confidence } from './confidence.ts';
import { namesOf, subjectSentences, switchingSentences } from './model-sentences.ts';
import { type Effect, effectOf, effectText, timeOf, tooSmallToMatter, workloadName } from './model-time.ts';
import { timeSentences } from './model-time-sentences.ts';

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
