import type { Interval } from './fields.ts';
import type { ModelResults } from './model-results.ts';
import type { EvidenceResults, NormRuns, Part, StudyResults, TrainingResults } from './results.ts';

/** A contradiction between fields that are each well-formed. */
export interface Inconsistency {
  /** `.training.norms[2].paired`, relative to the results. */
  readonly path: string;
  readonly message: string;
}

/** What a schema can't say: intervals in order, no repeated ids, test results that follow from their p-values. */
export function* inconsistencies(results: StudyResults): Generator<Inconsistency> {
  yield* missingParts(results);
  if (results.model) yield* modelInconsistencies(results.model);
  if (results.training) yield* trainingInconsistencies(results.training);
  if (results.evidence) yield* summaryInconsistencies(results.evidence.summary);
  for (const [i, op] of results.speed?.ops.entries() ?? []) {
    yield* around(`.speed.ops[${i}].ratioToLayerNorm`, op.ratioToLayerNorm.ratio, op.ratioToLayerNorm.ci);
  }
  for (const [i, share] of results.speed?.shares.entries() ?? []) {
    const path = `.speed.shares[${i}]`;
    yield* repeated(
      `${path}.norms`,
      share.norms.map((norm) => norm.norm),
    );
    if (!share.norms.some((norm) => norm.norm === 'layernorm')) {
      yield { path: `${path}.norms`, message: 'has no layernorm, which the others are relative to' };
    }
    for (const [j, norm] of share.norms.entries()) {
      yield* around(`${path}.norms[${j}]`, norm.relativeToLayerNorm, norm.ci);
    }
    yield* around(`${path}.normShare`, share.normShare.value, share.normShare.ci);
  }
}

function* missingParts(results: StudyResults): Generator<Inconsistency> {
  const present: Record<Part, boolean> = {
    model: results.model !== null,
    training: results.training !== null,
    speed: results.speed !== null,
    conversions: results.conversions !== null,
    evidence: results.evidence !== null,
  };
  for (const part of ['model', 'training', 'speed', 'conversions', 'evidence'] as const) {
    const reason = results.notMeasured[part];
    if (!present[part] && reason === undefined) {
      yield { path: `.notMeasured.${part}`, message: `says not why ${part} is null` };
    }
    if (present[part] && reason !== undefined) {
      yield { path: `.notMeasured.${part}`, message: `is given although ${part} is there` };
    }
  }
}

function* modelInconsistencies({ conversions, timing, notTimed }: ModelResults): Generator<Inconsistency> {
  yield* repeated(
    '.model.conversions',
    conversions.map(({ target }) => target),
  );
  for (const [i, conversion] of conversions.entries()) {
    if (conversion.outcome !== 'converted') continue;
    if ((conversion.certificate === null) !== (conversion.notCertified !== null)) {
      yield {
        path: `.model.conversions[${i}].notCertified`,
        message: 'is given exactly where there is no certificate',
      };
    }
  }
  if ((timing === null) !== (notTimed !== null)) {
    yield { path: '.model.notTimed', message: 'is given exactly where there is no timing' };
  }
  if (timing === null) return;
  const ids = timing.variants.map(({ id }) => id);
  yield* repeated('.model.timing.variants', ids);
  if (!ids.includes(timing.baseline)) {
    yield { path: '.model.timing.baseline', message: `is ${timing.baseline}, which is none of the variants` };
  }
  for (const [i, { times }] of timing.workloads.entries()) {
    const path = `.model.timing.workloads[${i}].times`;
    yield* repeated(
      path,
      times.map(({ variant, norms }) => `${variant}, ${norms}`),
    );
    for (const [j, { variant, relative, ci }] of times.entries()) {
      if (!ids.includes(variant))
        yield { path: `${path}[${j}].variant`, message: `is ${variant}, which is not listed` };
      yield* around(`${path}[${j}]`, relative, ci);
    }
  }
}

function* summaryInconsistencies(summary: EvidenceResults['summary']): Generator<Inconsistency> {
  const path = '.evidence.summary';
  if (summary.layerNorm + summary.rmsNorm > summary.models) {
    yield { path: `${path}.models`, message: `is ${summary.models}, fewer than use LayerNorm and RMSNorm together` };
  }
  if (summary.comparisonsAtOneBillion > summary.comparisonsWithNumbers) {
    yield { path: `${path}.comparisonsAtOneBillion`, message: 'counts more than comparisonsWithNumbers, its superset' };
  }
}

function* trainingInconsistencies(training: TrainingResults): Generator<Inconsistency> {
  yield* repeated('.training.seeds', training.seeds);
  yield* repeated(
    '.training.norms',
    training.norms.map((norm) => norm.id),
  );
  const baseline = training.norms.find((norm) => norm.id === training.baseline);
  if (!baseline) yield { path: '.training.norms', message: `has no ${training.baseline}, the baseline` };
  for (const [i, norm] of training.norms.entries()) {
    const path = `.training.norms[${i}]`;
    yield* repeated(
      `${path}.runs`,
      norm.runs.map((run) => run.seed),
    );
    for (const [j, run] of norm.runs.entries()) {
      if (!training.seeds.includes(run.seed)) {
        yield { path: `${path}.runs[${j}].seed`, message: `is ${run.seed}, which is not among training.seeds` };
      }
      if (run.diverged !== (run.finalValidationLoss === null)) {
        yield { path: `${path}.runs[${j}]`, message: 'a run has a final loss exactly when it did not diverge' };
      }
    }
    if (baseline) yield* pairedInconsistencies(path, norm, baseline);
  }
}

function* pairedInconsistencies(path: string, norm: NormRuns, baseline: NormRuns): Generator<Inconsistency> {
  const { paired } = norm;
  if (!paired) return;
  if (norm === baseline) yield { path: `${path}.paired`, message: 'must be null for the baseline itself' };
  const finished = new Set(baseline.runs.filter((run) => !run.diverged).map((run) => run.seed));
  const pairs = norm.runs.filter((run) => !run.diverged && finished.has(run.seed)).length;
  if (paired.n !== pairs) {
    yield { path: `${path}.paired.n`, message: `is ${paired.n}, but ${pairs} seeds finished with both norms` };
  }
  if (paired.ci) yield* around(`${path}.paired`, paired.difference, paired.ci);
  if (paired.n > 1 && (paired.ci === null || paired.pValue === null)) {
    yield { path: `${path}.paired`, message: `has ${paired.n} pairs but no ci or no pValue` };
  }
  const { equivalence } = paired;
  if (equivalence && equivalence.equivalent !== equivalence.pValue < 1 - paired.level) {
    yield {
      path: `${path}.paired.equivalence.equivalent`,
      message: `is ${equivalence.equivalent} at p = ${equivalence.pValue} and level ${paired.level}`,
    };
  }
}

function* around(path: string, value: number, [low, high]: Interval): Generator<Inconsistency> {
  if (low > value || value > high) {
    yield { path: `${path}.ci`, message: `[${low}, ${high}] does not contain the value ${value}` };
  }
}

function* repeated(path: string, keys: readonly (string | number)[]): Generator<Inconsistency> {
  const seen = new Set<string | number>();
  for (const key of keys) {
    if (seen.has(key)) yield { path, message: `has ${JSON.stringify(key)} twice` };
    seen.add(key);
  }
}
