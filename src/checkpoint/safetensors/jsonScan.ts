/**
 * The first key that some object of `json` has twice, or undefined. `json` must be valid.
 *
 * `JSON.parse` keeps the last of two equal keys without a word, so that two readers could see two different files.
 */
export function findDuplicateKey(json: string): string | undefined {
  const keysOfOpen: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json[i];
    if (character === '{') keysOfOpen.push(new Set());
    else if (character === '}') keysOfOpen.pop();
    else if (character === '"') {
      const end = endOfString(json, i);
      if (isFollowedByColon(json, end)) {
        const key = String(JSON.parse(json.slice(i, end)));
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
    const character = json[i];
    if (character === '"') i = endOfString(json, i) - 1;
    else if (character === '{' || character === '[') {
      if (++depth > limit) return true;
    } else if (character === '}' || character === ']') depth -= 1;
  }
  return false;
}

/** The position after the quote that closes the string which begins at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json[i] !== '"') i += json[i] === '\\' ? 2 : 1;
  return i + 1;
}

function isFollowedByColon(json: string, position: number): boolean {
  const space = /[ \t\n\r]*/y;
  space.lastIndex = position;
  space.test(json);
  return json[space.lastIndex] === ':';
}
