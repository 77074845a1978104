import { InputError, RefusalError } from '../../core/errors.ts';
import { quote } from '../../core/quote.ts';
import { maxExperts, maxLayers } from '../spec.ts';

type Config = Readonly<Record<string, unknown>>;

/** What a family adds to a `config.json` before its keys are read. */
export interface ConfigOptions {
  /** What the configuration class of transformers takes for keys that are missing. */
  readonly defaults?: Config;
  /** Other names of keys, by key: where a config has one, it counts instead. Messages say the name that is there. */
  readonly aliases?: Readonly<Record<string, string>>;
}

/** Reads the keys of a `config.json`. Every error is one line that names the key, what it holds and what was expected. */
export interface ConfigReader {
  /** A whole number from 1. Without a fallback the key is required. */
  count(key: string, fallback?: number): number;
  /** A whole number from 0. */
  zeroOrCount(key: string, fallback: number): number;
  /** A required number of layers, from 1 to `maxLayers`. */
  layers(key: string): number;
  /** A number of experts, from 1 to `maxExperts`. */
  experts(key: string, fallback: number): number;
  /** A whole number from 1, or null where the key is null or missing. */
  optionalCount(key: string): number | null;
  /** A whole number from 1, null where the key is null, and the fallback where it is missing. */
  nullableCount(key: string, fallback: number): number | null;
  /** A finite number above 0. Without a fallback the key is required. */
  positive(key: string, fallback?: number): number;
  /** A finite number above 0, or null where the key is null or missing. */
  optionalPositive(key: string): number | null;
  /** A finite number above 0, null where the key is null, and the fallback where it is missing. */
  nullablePositive(key: string, fallback: number): number | null;
  flag(key: string, fallback: boolean): boolean;
  /** What `choices` holds for the key's text. Throws RefusalError for another text, which lists the supported ones. */
  choice<T>(key: string, choices: Readonly<Record<string, T>>, fallback?: string): T;
  /** What `choices` holds for a text that stands under the key. Throws RefusalError as `choice` does. */
  known<T>(key: string, name: string, choices: Readonly<Record<string, T>>): T;
  /** A list of numbers above 0. */
  positives(key: string): readonly number[];
  /** A list of whole numbers from 0, empty where the key is null or missing. */
  indices(key: string): readonly number[];
  /** A text, or null where the key is null or missing. */
  optionalText(key: string): string | null;
  /** A list of names, or null where the key is null or missing. */
  optionalNames(key: string): readonly string[] | null;
  /** The reader of an object inside, or null where the key is null or missing. */
  optionalObject(key: string): ConfigReader | null;
  /** The reader of an object inside; where the key is null or missing, of an empty one. */
  object(key: string): ConfigReader;
  has(key: string): boolean;
  /** Whether a key is there and holds one of some values. */
  is(key: string, values: readonly unknown[]): boolean;
  /** The name under which a config holds a key: its alias where that is there. */
  nameOf(key: string): string;
  /** Throws RefusalError unless the key is missing, null or one of the values that ask for nothing. */
  unsupported(key: string, why: string, harmless?: readonly unknown[]): void;
  /** An InputError about this config: `message` begins with the key. */
  wrong(message: string): InputError;
}

/** The reader of a parsed config; `where` begins the messages, `path` the keys. */
export function readConfig(config: Config, where: string, options: ConfigOptions = {}, path = ''): ConfigReader {
  const { defaults = {}, aliases = {} } = options;
  const own = (key: string): unknown => (Object.hasOwn(config, key) ? config[key] : undefined);
  const nameOf = (key: string): string => {
    const alias = aliases[key];
    return alias !== undefined && !isNothing(own(alias)) ? alias : key;
  };
  const entry = (key: string): unknown => own(nameOf(key)) ?? (own(key) === null ? null : defaults[key]);
  const wrong = (message: string) => new InputError(`${where}: ${path}${message}`);
  const expected = (key: string, what: string) => wrong(`${nameOf(key)} is ${show(entry(key))}, expected ${what}`);

  function read<T>(key: string, what: string, is: (value: unknown) => value is T, fallback: T | undefined): T {
    const value = entry(key);
    if (value === undefined) {
      if (fallback !== undefined) return fallback;
      throw wrong(`${nameOf(key)} is missing, expected ${what}`);
    }
    if (!is(value)) throw expected(key, what);
    return value;
  }
  const inside = (key: string) => readConfig(read(key, 'an object', isRecord, undefined), where, {}, `${path}${key}.`);
  const orNull = <T>(key: string, get: () => T): T | null => (isNothing(entry(key)) ? null : get());
  const count = (key: string, fallback?: number) => read(key, 'a whole number from 1', isCount, fallback);
  const positive = (key: string, fallback?: number) => read(key, 'a number above 0', isPositive, fallback);

  function known<T>(key: string, name: string, choices: Readonly<Record<string, T>>): T {
    const chosen = Object.hasOwn(choices, name) ? choices[name] : undefined;
    if (chosen !== undefined) return chosen;
    const supported = Object.keys(choices).join(', ');
    throw new RefusalError(
      `${where}: ${path}${nameOf(key)} is ${quote(name)}, which is not supported; supported: ${supported}`,
    );
  }
  const isUpTo =
    (most: number) =>
    (value: unknown): value is number =>
      isCount(value) && value <= most;

  return {
    count,
    positive,
    nullableCount: (key, fallback) => (entry(key) === null ? null : count(key, fallback)),
    nullablePositive: (key, fallback) => (entry(key) === null ? null : positive(key, fallback)),
    zeroOrCount: (key, fallback) => (entry(key) === 0 ? 0 : count(key, fallback)),
    layers: (key) => read(key, `a whole number from 1 to ${maxLayers}`, isUpTo(maxLayers), undefined),
    experts: (key, fallback) => read(key, `a whole number from 1 to ${maxExperts}`, isUpTo(maxExperts), fallback),
    optionalCount: (key) => orNull(key, () => count(key)),
    optionalPositive: (key) => orNull(key, () => positive(key)),
    flag: (key, fallback) => read(key, 'true or false', (value) => typeof value === 'boolean', fallback),
    choice: (key, choices, fallback) =>
      known(
        key,
        read(key, 'a name', (value) => typeof value === 'string', fallback),
        choices,
      ),
    known,
    positives: (key) => read(key, 'a list of numbers above 0', isListOf(isPositive), undefined),
    indices: (key) =>
      orNull(key, () => read(key, 'a list of whole numbers from 0', isListOf(isIndex), undefined)) ?? [],
    optionalText: (key) => orNull(key, () => read(key, 'a text', isText, undefined)),
    optionalNames: (key) => orNull(key, () => read(key, 'a list of names', isListOf(isText), undefined)),
    optionalObject: (key) => orNull(key, () => inside(key)),
    object: (key) => (isNothing(entry(key)) ? readConfig({}, where, {}, `${path}${key}.`) : inside(key)),
    has: (key) => !isNothing(entry(key)),
    is: (key, values) => values.includes(entry(key)),
    nameOf,
    unsupported(key, why, harmless = []) {
      const value = entry(key);
      if (isNothing(value) || harmless.includes(value)) return;
      throw new RefusalError(`${where}: ${path}${nameOf(key)} is ${show(value)}: ${why}`);
    },
    wrong,
  };
}

/** Whether a value is an object that isn't a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null;
}

function isListOf<T>(is: (entry: unknown) => entry is T): (value: unknown) => value is readonly T[] {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(is);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isIndex(value: unknown): value is number {
  return value === 0 || isCount(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}

function isPositive(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}

/** A value of a JSON file as a message shows it. */
function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
