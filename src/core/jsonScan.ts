/**
 * The first key that some object of `json` has twice, or undefined. `json` must be valid.
 *
 * `JSON.parse` keeps the last of two equal keys without a word, so that two readers could see two different files.
 */
export function findDuplicateKey(json: string): string | undefined {
  const keysOfOpen: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === codes.openBrace) keysOfOpen.push(new Set());
    else if (code === codes.closeBrace) keysOfOpen.pop();
    else if (code === codes.quote) {
      const end = endOfString(json, i);
      if (isFollowedByColon(json, end)) {
        const key = textOf(json, i, end);
        const keys = keysOfOpen.at(-1);
        if (keys?.has(key)) return key;
        keys?.add(key);
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Whether objects and lists lie in each other more than `limit` deep; `json` need not be valid. */
export function isDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (code === codes.quote) i = endOfString(json, i) - 1;
    else if (code === codes.openBrace || code === codes.openBracket) {
      if (++depth > limit) return true;
    } else if (code === codes.closeBrace || code === codes.closeBracket) depth -= 1;
  }
  return false;
}

// Headers have up to 100 MB, and every file's is scanned: a character of its own for each step would be a string each.
const codes = {
  quote: 0x22,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  openBrace: 0x7b,
  closeBrace: 0x7d,
} as const;

/** The position after the quote that closes the string which begins at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length) {
    const code = json.charCodeAt(i);
    if (code === codes.quote) break;
    i += code === codes.backslash ? 2 : 1;
  }
  return i + 1;
}

/** What the string from `start` to `end`, its quotes among it, means. */
function textOf(json: string, start: number, end: number): string {
  const text = json.slice(start + 1, end - 1);
  return text.includes('\\') ? String(JSON.parse(json.slice(start, end))) : text;
}

function isFollowedByColon(json: string, position: number): boolean {
  let i = position;
  while (isSpace(json.charCodeAt(i))) i++;
  return json.charCodeAt(i) === codes.colon;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}
