import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { answer } from './answer.ts';
import { renderHtml } from './html.ts';
import { renderMarkdown } from './markdown.ts';
import { converted, syntheticModel, syntheticTiming, withModel } from './model-results.fixture.ts';
import type { ModelResults } from './model-results.ts';
import { syntheticResults, without } from './results.fixture.ts';
import { parseResults, readPart } from './results.ts';

/** A study of one model, as it is by default: nothing of models in general. */
const alone = (changes: Partial<ModelResults> = {}) =>
  parseResults(withModel(without(syntheticResults(), 'training', 'speed', 'conversions'), syntheticModel(changes)));

const refused = (target: 'rmsnorm' | 'crmsnorm') =>
  ({ outcome: 'refused', target, reason: 'placement is post: for a reason', advice: 'Keep its norms.' }) as const;
const has = { outcome: 'nothing-to-do', target: 'rmsnorm', reason: 'its norms are rmsnorm already' } as const;
const uncertified = { ...converted('rmsnorm'), certificate: null, notCertified: 'it takes 400 GiB', perplexity: null };

const cases: readonly (readonly [string, Partial<ModelResults>, string, string, RegExp, RegExp])[] = [
  [
    'saves time',
    {},
    'free',
    'high',
    /computes the same.* 2\.2% less time \(95% CI 1\.5% to 2\.9%\)/,
    /^Switch to RMSNorm/,
  ],
  [
    'costs time',
    { timing: syntheticTiming([1.02, 1.04]) },
    'free',
    'high',
    /a prompt of 512 tokens takes 3\.0% more time \(95% CI 2\.0% to 4\.0%\)/,
    /^For time on this machine keep LayerNorm/,
  ],
  [
    'saves it in one case and costs it in the other',
    { timing: syntheticTiming([1.02, 1.04], [0.9, 0.95]) },
    'free',
    'high',
    /3\.0% more time .* and one token after 512 others 7\.5% less time/,
    /^It depends/,
  ],
  [
    'makes no difference that matters',
    { timing: syntheticTiming([0.99, 1.02]) },
    'free',
    'high',
    /the same time within 3% \(95% CI 1\.0% less to 2\.0% more\)/,
    /^Either: time gives no reason/,
  ],
  [
    'makes none that could be told',
    { timing: syntheticTiming([0.99, 1.02], [0.8, 1.3]) },
    'free',
    'moderate',
    /one token after 512 others no measurably different time \(95% CI 20\.0% less to 30\.0% more\)/,
    /^Either:.*not every time is settled/,
  ],
  [
    'was not timed',
    { timing: null, notTimed: 'it was left out on request' },
    'free',
    'moderate',
    /^For my <model>: RMSNorm computes the same, up to the rounding of its weights\.$/,
    /^Switch where your runtime.*no time was measured/,
  ],
  [
    'has no certificate',
    { conversions: [uncertified] },
    'uncertified',
    'low',
    /no certificate shows that they did\. With RMSNorm/,
    /^Certify it first \(normlab certify\)\. Switch/,
  ],
  [
    'fails its certificate for one target',
    {
      conversions: [
        converted('rmsnorm'),
        { outcome: 'failed', target: 'crmsnorm', reason: 'stored is 3 times its limit' },
      ],
    },
    'failed',
    'low',
    /the conversion to CRMSNorm FAILED its certificate\.$/,
    /^Don’t use the converted model/,
  ],
  [
    'was not converted',
    { conversions: [{ outcome: 'convertible', target: 'rmsnorm', reason: 'that was left out on request' }] },
    'convertible',
    'low',
    /it can be rewritten with RMSNorm/,
    /^normlab convert makes/,
  ],
  [
    'has RMSNorms',
    {
      conversions: [has, refused('crmsnorm')],
      norms: [{ ...syntheticModel().norms[0], id: 'rmsnorm', name: 'RMSNorm' } as ModelResults['norms'][number]],
      timing: { ...syntheticTiming(), baseline: 'rmsnorm', variants: swapped(false) },
    },
    'has-it',
    'high',
    /it has RMSNorm already; there is nothing to switch\. Trained with LayerNorm instead, a prompt of 512 tokens would take/,
    /^Keep it as it is\./,
  ],
  [
    'can’t be converted',
    {
      conversions: [refused('rmsnorm'), refused('crmsnorm')],
      timing: { ...syntheticTiming(), variants: swapped(true) },
    },
    'refused',
    'high',
    /it can’t be switched: .*Trained with RMSNorm instead, a prompt of 512 tokens would take 2\.2% less time/,
    /^Keep its norms; another kind needs another training/,
  ],
];

/** The synthetic variants, where the other kind of norm is another function. */
function swapped(layerNormIsOwn: boolean) {
  return syntheticTiming().variants.map((variant) => ({
    ...variant,
    sameFunction: (variant.id === 'layernorm') === layerNormIsOwn && variant.id !== 'none',
  }));
}

describe('the answer for a model that', () => {
  it.each(cases)('%s', (_, changes, verdict, confidence, headline, summary) => {
    const results = alone(changes);
    const { model, ...general } = answer(results);
    expect(model).toMatchObject({ verdict, confidence });
    expect(general.headline).toBe(model?.headline);
    expect(general.headline).toMatch(headline);
    expect(general.summary).toMatch(summary);
    expect(general.summary).toContain(`Confidence: ${confidence}, because `);
    const page = parseHTML(renderHtml(results)).document;
    expect(page.querySelector('.headline')?.textContent).toBe(general.headline);
    expect(page.body.textContent).not.toMatch(/undefined|NaN|\.\./);
  });

  it('says the same of both targets once, with what to do', () => {
    const { model } = answer(alone({ conversions: [refused('rmsnorm'), refused('crmsnorm')] }));
    expect(model?.switching).toEqual([
      'To RMSNorm and CRMSNorm: refused. Placement is post: for a reason. Keep its norms.',
    ]);
  });

  it('gives figures of certificates and perplexities, never without what they are measured against', () => {
    const words = answer(alone()).model?.switching.join(' ') ?? '';
    expect(words).toContain('no logit differs by more than 2.1 × 10⁻¹³');
    expect(words).toContain("none by more than 8.3 × 10⁻⁵, where rounding the source's weights alone does 3.9 × 10⁻⁵");
    expect(words).toContain('its perplexity is 31.4159 as it is, 31.4158 as RMSNorm and 31.4158 as CRMSNorm.');
    const [without] =
      answer(alone({ conversions: [uncertified], noPerplexity: 'its folder has no tokenizer' })).model?.switching ?? [];
    expect(without).toContain('There is no certificate: it takes 400 GiB.');
  });

  it('gives every time with its interval, kernels and plain operations apart', () => {
    const words = answer(alone()).model?.time ?? [];
    expect(words[0]).toContain(
      'A prompt of 512 tokens takes 900 ms as it is, with LayerNorm. Relative to that it takes with RMSNorm 2.2% less time (95% CI 1.5% to 2.9%)',
    );
    expect(words[0]).toContain('Without the norms on its stream it takes 8.0% less time (95% CI 6.0% to 10.0%)');
    expect(words.find((line) => line.includes('same plain operations'))).not.toContain('folded');
  });
});

describe('the report of a model', () => {
  it('has sections for it, and of the general ones those alone that were measured', () => {
    const headings = (html: string) =>
      [...parseHTML(html).document.querySelectorAll('h2')].map((heading) => heading.textContent);
    expect(headings(renderHtml(alone()))).toEqual([
      'What my <model> is',
      'Switching my <model>',
      'The time of my <model> on this machine',
      'What others report',
      'What this does not show, and how sure it is',
      'Run it again',
    ]);
    const both = parseResults(withModel(syntheticResults()));
    expect(headings(renderHtml(both))).toContain('Quality');
    expect(answer(both).headline).toMatch(/^For my <model>: .* For models in general: Either, for quality\./);
    expect(answer(both).summary).toMatch(/^Switch to RMSNorm.*For models in general: Quality gives no reason/);
  });

  it('lists what was left out, and rules of confidence that were used', () => {
    const { document } = parseHTML(renderHtml(alone()));
    const limits = document.querySelector('#limits')?.textContent ?? '';
    expect(limits).toContain('Left out of this study: training (training was switched off)');
    expect(limits).toContain('High: the certificate passed and both times are settled.');
    expect(limits).not.toContain('pairs of runs');
  });

  it('draws its figures, in HTML twice, and in Markdown by the names of their files', () => {
    const { document } = parseHTML(renderHtml(alone()));
    const ids = [...document.querySelectorAll('figure')].map(({ id }) => id);
    expect(ids).toEqual(['model-certificate', 'model-time']);
    const { markdown, plots } = renderMarkdown(alone());
    expect([...plots.keys()]).toEqual(['plots/model-certificate.svg', 'plots/model-time.svg']);
    expect(markdown).toContain('# LayerNorm or RMSNorm, for my &lt;model&gt;?');
    expect(plots.get('plots/model-time.svg')).toContain('a prompt of 512 tokens');
  });
});

describe('report.json with a model', () => {
  const results = alone();

  it('is accepted, also after a round trip through JSON, and its parts by themselves', () => {
    expect(parseResults(JSON.parse(JSON.stringify(results)))).toEqual(results);
    expect(readPart.model.timing(results.model?.timing)).toEqual(results.model?.timing);
    expect(readPart.model.conversions(results.model?.conversions)).toEqual(results.model?.conversions);
    expect(readPart.model.timing({ ...results.model?.timing, baseline: 1 })).toBeNull();
  });

  const timing = syntheticTiming();
  const [workload] = timing.workloads;
  const broken: readonly (readonly [string, Partial<ModelResults>, string])[] = [
    ['no timing without a reason', { timing: null }, '.model.notTimed'],
    ['a reason for what is there', { notTimed: 'x' }, '.model.notTimed'],
    ['no certificate without a reason', { conversions: [{ ...uncertified, notCertified: null }] }, 'notCertified'],
    ['a target twice', { conversions: [converted('rmsnorm'), converted('rmsnorm')] }, '.model.conversions'],
    ['a baseline that was not timed', { timing: { ...timing, baseline: 'dyt' } }, '.model.timing.baseline'],
    [
      'an interval without its ratio',
      {
        timing: {
          ...timing,
          workloads: [
            {
              ...(workload ?? { id: 'prompt', tokens: 1, rounds: 1 }),
              times: [{ variant: 'none', norms: 'kernels', milliseconds: 1, relative: 1, ci: [1.1, 1.2] }],
            },
          ],
        },
      },
      '.model.timing.workloads[0].times[0].ci',
    ],
  ];
  it.each(broken)('refuses %s', (_, changes, field) => {
    expect(() => alone(changes)).toThrow(field);
  });
});
