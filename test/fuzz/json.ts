import type { Random } from '../../src/core/random.ts';

/** Values that parsers trip over, as JSON texts: some are beyond what `JSON.stringify` writes. */
const ugly = [
  ...['null', 'true', 'false', '0', '-0', '1', '-1', '2', '3', '7', '0.5', '1.5', '-2.5', '1e-320', '1e308', '1e400'],
  ...['-1e400', '2147483647', '2147483648', '4294967296', '9007199254740991', '9007199254740993', '1e15', '10000'],
  ...['99999999999999999999', '100000', '""', '" "', '"0"', '"nan"', '"__proto__"', '"constructor"', '"\\u0000"'],
  ...[
    '"\\ud800"',
    '"\\u202e\\n\\u001b[31m"',
    '"../../etc/passwd"',
    '[]',
    '{}',
    '[null]',
    '[[]]',
    '[0]',
    '[1,2]',
    '[-1]',
  ],
  ...[
    '[1e15,1e15]',
    '{"a":{}}',
    '{"__proto__":{}}',
    '{"toString":1}',
    '"default"',
    '"yarn"',
    '"linear"',
    '"gelu"',
    '"silu"',
  ],
] as const;

type Json = Raw | null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Text that stands in a document as it is. */
class Raw {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** A JSON text with up to four parts changed: replaced, scaled, removed, doubled, renamed, moved or wrapped. */
export function mutateJson(value: unknown, random: Random): string {
  let text = value as Json;
  for (let n = random.integer(4) + 1; n > 0; n--) text = mutate(text, random);
  return write(text);
}

export function pick<T>(list: readonly T[], random: Random): T {
  const chosen = list[random.integer(list.length)];
  if (chosen === undefined) throw new Error('fuzz: a list to pick from is empty');
  return chosen;
}

function mutate(value: Json, random: Random): Json {
  if (value instanceof Raw) return value;
  // Deeper with a probability, so that every level has its turn.
  if (Array.isArray(value) && value.length > 0 && random.integer(4) > 0) {
    const i = random.integer(value.length);
    if (random.integer(6) === 0)
      return random.integer(2) === 0 ? value.filter((_, j) => j !== i) : [...value, value[i]];
    return value.map((entry, j) => (i === j ? mutate(entry, random) : entry));
  }
  if (isObject(value) && random.integer(12) > 0) {
    const entries = Object.entries(value);
    if (entries.length === 0) return new Raw(pick(ugly, random));
    const [key, entry] = pick(entries, random);
    const [other] = pick(entries, random);
    switch (random.integer(10)) {
      case 0:
        return Object.fromEntries(entries.filter(([name]) => name !== key));
      case 1:
        return { ...value, [other]: entry };
      case 2:
        return Object.fromEntries(entries.map(([name, inner]) => [name === key ? renamed(key, random) : name, inner]));
      case 3:
        // The same name twice, which no object of JavaScript can hold.
        return new Raw(`${write(value).slice(0, -1)},${JSON.stringify(key)}:${pick(ugly, random)}}`);
      default:
        return { ...value, [key]: mutate(entry, random) };
    }
  }
  if (typeof value === 'number' && random.integer(2) === 0) return scaled(value, random);
  if (typeof value === 'string' && random.integer(3) === 0) return renamed(value, random);
  if (random.integer(12) === 0) return nested(value, random);
  return new Raw(pick(ugly, random));
}

function scaled(value: number, random: Random): number {
  return pick([value + 1, value - 1, -value, value * 2, value / 2, value * 1000, value * 2 ** 32, value + 0.5], random);
}

function renamed(text: string, random: Random): string {
  const at = random.integer(text.length + 1);
  return pick(
    [
      text.slice(0, at),
      `${text}${text}`,
      `${text.slice(0, at)}/${text.slice(at)}`,
      `../${text}`,
      text.toUpperCase(),
      `${text} `,
    ],
    random,
  );
}

function nested(value: Json, random: Random): Json {
  const depth = pick([1, 2, 50, 5000], random);
  return new Raw(`${'['.repeat(depth)}${write(value)}${']'.repeat(depth)}`);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Raw);
}

function write(value: Json): string {
  if (value instanceof Raw) return value.text;
  if (Array.isArray(value)) return `[${value.map(write).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([key, entry]) => `${JSON.stringify(key)}:${write(entry)}`)
    .join(',')}}`;
}
