import type { FoundNorm } from './norms/index.ts';
import type { Trace, TracedValue } from './trace.ts';

/** A value whose mean is taken out by ops of its own, for what reads the result. */
export interface Cut {
  readonly value: string;
  readonly axis: number;
}

export interface NormVerdict {
  readonly norm: FoundNorm;
  /** How its input comes to have no mean: its producers are centred, or it reads what an explicit op centres. */
  readonly outcome: 'centred' | 'reads-cut' | 'kept';
  /** Why it is kept. */
  readonly reason: string | undefined;
  /** The explicit ops that the norm, with others, depends on. */
  readonly cuts: readonly Cut[];
}

/** Which values lose their mean, at what price, and what becomes of each norm. */
export interface Decision {
  readonly norms: readonly NormVerdict[];
  readonly treated: ReadonlyMap<string, TracedValue>;
  readonly cuts: readonly Cut[];
}

/** An explicit centring op costs about what a norm's centring did: it must free as many norms as this. */
const normsPerCut = 2;

/**
 * Decides by the rule of docs/onnx.md.
 *
 * A value keeps its mean if it has a problem of its own, or feeds a value that keeps its mean. All others lose it: where one
 * of these is made from a value that keeps its mean, an explicit op has to take it out. What is connected through values
 * that lose their means stands or falls together: it stands if it frees two norms for each explicit op.
 */
export function decide(trace: Trace, norms: readonly FoundNorm[]): Decision {
  const kept = keptValues(trace);
  const groups = groupsOf(trace, norms, kept);
  const accepted = new Set<string>();
  const refused = new Map<string, string>();
  for (const [root, group] of groups.members) {
    const freed = group.norms.filter((norm) => norms[norm]?.kind !== 'centring').length;
    if (freed > 0 && freed >= normsPerCut * group.cuts.length) accepted.add(root);
    else if (group.cuts.length > 0) refused.set(root, costText(group.cuts, freed, kept));
  }
  const isAccepted = (key: string) => accepted.has(groups.find(key));
  const treated = new Map([...trace].filter(([value]) => !kept.has(value) && isAccepted(value)));
  const verdicts = norms.map((norm, i): NormVerdict => {
    const key = normKey(i);
    const root = groups.find(key);
    if (accepted.has(root)) {
      const cuts = groups.members.get(root)?.cuts ?? [];
      return { norm, outcome: kept.has(norm.input) ? 'reads-cut' : 'centred', reason: undefined, cuts };
    }
    return {
      norm,
      outcome: 'kept',
      reason: refused.get(root) ?? kept.get(norm.input) ?? 'nothing is left to do',
      cuts: [],
    };
  });
  const cuts = [...groups.members].flatMap(([root, group]) => (accepted.has(root) ? group.cuts : []));
  return { norms: verdicts, treated, cuts };
}

/** The values that can't lose their means, each with the reason. */
function keptValues(trace: Trace): ReadonlyMap<string, string> {
  const kept = new Map<string, string>();
  const waiting: string[] = [];
  const keep = (value: string, reason: string) => {
    if (kept.has(value)) return;
    kept.set(value, reason);
    waiting.push(value);
  };
  const readers = new Map<string, { readonly reader: string; readonly isPlace: boolean }[]>();
  for (const { value, operands, problem } of trace.values()) {
    for (const { value: read, isWeight, isConstant, treatment } of operands) {
      if (isConstant) continue;
      // Weights, and what is scaled afterwards, are no place for an explicit op: then their readers are.
      const isPlace = !isWeight && treatment.scale.length === 0;
      const list = readers.get(read);
      if (list === undefined) readers.set(read, [{ reader: value, isPlace }]);
      else list.push({ reader: value, isPlace });
    }
    if (problem !== undefined) keep(value, problem);
  }
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const reason = kept.get(next) ?? '';
    for (const { value, isConstant } of trace.get(next)?.operands ?? []) if (!isConstant) keep(value, reason);
    for (const { reader, isPlace } of readers.get(next) ?? []) if (!isPlace) keep(reader, reason);
  }
  return kept;
}

interface Group {
  readonly norms: number[];
  readonly cuts: Cut[];
}

const normKey = (norm: number) => `\0norm ${norm}`;
const cutKey = ({ value, axis }: Cut) => `\0cut ${axis} ${value}`;

/** What is connected through values that lose their means, explicit ops and norms. */
function groupsOf(trace: Trace, norms: readonly FoundNorm[], kept: ReadonlyMap<string, string>) {
  const parents = new Map<string, string>();
  const find = (key: string): string => {
    let root = key;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    for (let at = key; at !== root; ) {
      const up = parents.get(at) ?? root;
      parents.set(at, root);
      at = up;
    }
    return root;
  };
  const join = (a: string, b: string) => {
    parents.set(find(a), find(b));
  };
  const cuts = new Map<string, Cut>();
  const cutAt = (cut: Cut) => {
    cuts.set(cutKey(cut), cut);
    return cutKey(cut);
  };
  for (const { value, operands } of trace.values()) {
    if (kept.has(value)) continue;
    for (const operand of operands) {
      if (operand.isConstant) continue;
      const { axis } = operand.treatment;
      if (!kept.has(operand.value)) join(value, operand.value);
      else if (axis !== null) join(value, cutAt({ value: operand.value, axis }));
    }
  }
  // A sum inside of a SkipLayerNormalization goes straight on to its norm: no op fits in between.
  const hasPlace = ({ kind, input }: FoundNorm) => kind !== 'skip' || !kept.has(input);
  for (const [i, norm] of norms.entries()) {
    const { input, axis } = norm;
    if (hasPlace(norm)) join(normKey(i), kept.has(input) ? cutAt({ value: input, axis }) : input);
  }
  const members = new Map<string, Group>();
  const groupOf = (key: string): Group => {
    const root = find(key);
    const group = members.get(root) ?? { norms: [], cuts: [] };
    members.set(root, group);
    return group;
  };
  for (const [i, norm] of norms.entries()) if (hasPlace(norm)) groupOf(normKey(i)).norms.push(i);
  for (const [key, cut] of cuts) groupOf(key).cuts.push(cut);
  return { find, members };
}

function costText(cuts: readonly Cut[], freed: number, kept: ReadonlyMap<string, string>): string {
  const [cut] = cuts;
  const reason = kept.get(cut?.value ?? '') ?? '';
  const ops = cuts.length === 1 ? 'an explicit op' : `${cuts.length} explicit ops`;
  return `${reason}; ${ops} would free ${freed === 1 ? 'this norm alone' : `${freed} norms`}`;
}
