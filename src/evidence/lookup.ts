import { distance } from 'fastest-levenshtein';
import { InputError } from '../core/errors.ts';
import { quote } from '../core/quote.ts';
import { records } from './records/index.ts';
import type { Claim, ModelRecord, PaperRecord, Source } from './schema.ts';

/** `LLaMA 2`, `llama-2` and `Llama2` are one name. */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9+]/g, '');
}

/** Drops what a checkpoint's name adds: the organization, the size, `-hf`, `-chat`, … */
function withoutCheckpointParts(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1);
  return base
    .toLowerCase()
    .replace(/[-_ ](hf|chat|instruct|base|it|pt)\b/g, '')
    .replace(/[-_ ]\d+(\.\d+)?[bm]\b.*$/, '');
}

function namesOf(model: ModelRecord): readonly string[] {
  return [model.id, model.name, ...model.aliases].map(normalize);
}

function match(models: readonly ModelRecord[], query: string): readonly ModelRecord[] {
  const wanted = normalize(query);
  if (wanted === '') {
    return [];
  }
  const family = models.filter((model) => normalize(model.family) === wanted);
  if (family.length > 0) {
    return family;
  }
  const exact = models.filter((model) => namesOf(model).includes(wanted));
  if (exact.length > 0) {
    return exact;
  }
  return models.filter((model) => namesOf(model).some((name) => name.startsWith(wanted)));
}

/** A sentence that names the candidate fewest edits away from what was typed, where that is at most half of its letters. */
function suggestion(query: string, candidates: readonly string[]): string {
  const wanted = normalize(query);
  const edits = (name: string) => distance(wanted, normalize(name));
  const nearest = candidates.reduce((best, name) => (edits(name) < edits(best) ? name : best));
  return edits(nearest) <= wanted.length / 2 ? `. Did you mean "${nearest}"?` : '';
}

/**
 * The records that a name means: a family (`llama`: all of it), else one model (`LLaMA 2`, `olmo-2`, `gpt3`, also a
 * checkpoint such as `meta-llama/Llama-2-7b-hf`), else every model whose name starts so.
 *
 * @throws InputError for a name that fits nothing, with the nearest one where one is near.
 */
export function findModels(query: string): readonly ModelRecord[] {
  for (const name of [query, withoutCheckpointParts(query)]) {
    const found = match(records.models, name);
    if (found.length > 0) {
      return found;
    }
  }
  if (normalize(query) === '') {
    throw new InputError(`evidence: expected the name of a model, such as gpt-3, got ${quote(query)}`);
  }
  const names = [...records.models.map(({ family }) => family), ...records.models.map(({ id }) => id)];
  throw new InputError(
    `evidence: no model called ${quote(query)} among the ${records.models.length} recorded${suggestion(query, names)}`,
  );
}

/**
 * The papers that a name means: a key (`narang2021`), an identifier (`2102.11972`), or the start of the authors' names.
 *
 * @throws InputError for a name that fits nothing, with the nearest key where one is near.
 */
export function findPapers(query: string): readonly PaperRecord[] {
  const wanted = normalize(query);
  const found = records.papers.filter(
    ({ source }) =>
      wanted !== '' &&
      (normalize(source.key) === wanted ||
        normalize(source.identifier).replace(/^arxiv/, '') === wanted.replace(/^arxiv/, '') ||
        normalize(source.short).startsWith(wanted)),
  );
  if (found.length === 0) {
    const keys = records.papers.map(({ source }) => source.key);
    throw new InputError(`evidence: no paper called ${quote(query)}${suggestion(query, keys)}`);
  }
  return found;
}

/** Every source by its key: those of the papers and those that only models cite. */
export function sourcesByKey(): ReadonlyMap<string, Source> {
  return new Map([...records.sources, ...records.papers.map(({ source }) => source)].map((s) => [s.key, s]));
}

/** Every claim by its id. */
export function claimsById(): ReadonlyMap<string, Claim> {
  return new Map(records.papers.flatMap(({ claims }) => claims).map((claim) => [claim.id, claim]));
}
