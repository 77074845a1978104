import { capital, enumeration, fixed, percent, plural, quantity, scientific, significant } from '../format.ts';
import type { ConvertedResult, ModelConversion, ModelResults } from '../model-results.ts';
import { catalogueName } from '../names.ts';

/** What a model is. */
export function subjectSentences(model: ModelResults): readonly string[] {
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

/** What became of a model's conversions: certificates, perplexities, and what to do where there are none. */
export function switchingSentences({ conversions, noPerplexity }: ModelResults): readonly string[] {
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

/** Ends as a sentence does. */
export function sentence(text: string): string {
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

/** `RMSNorm and CRMSNorm`. */
export function namesOf(conversions: readonly Pick<ModelConversion, 'target'>[]): string {
  return enumeration(conversions.map(({ target }) => catalogueName(target)));
}
