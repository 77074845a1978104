/** What an `import`, `export … from`, `import(…)` or `new URL(…, import.meta.url)` of code names, and its line. */
export interface ImportedPath {
  readonly path: string;
  readonly line: number;
}

/** What a TypeScript source imports. Comments, strings and templates that only look like imports are passed over. */
export function importsOf(source: string): readonly ImportedPath[] {
  const { code, strings } = mask(source);
  const patterns = [
    /\b(?:import|export)\b[^;]*?\bfrom\s*"#(\d+)"/g,
    /\bimport\s*"#(\d+)"/g,
    /\bimport\s*\(\s*"#(\d+)"/g,
  ];
  /** What may load a worker or a child process, and may as well name data. */
  const references = [
    /\bimport\.meta\.resolve\s*\(\s*"#(\d+)"/g,
    /\bnew\s+URL\s*\(\s*"#(\d+)"\s*,\s*import\.meta\.url/g,
  ];
  const found = new Map<number, ImportedPath>();
  for (const pattern of [...patterns, ...references]) {
    for (const match of code.matchAll(pattern)) {
      const index = Number(match[1]);
      const path = strings[index] ?? '';
      if (references.includes(pattern) && !/\.[cm]?[jt]s$/.test(path)) continue;
      const end = match.index + match[0].length;
      found.set(index, { path, line: code.slice(0, end).split('\n').length });
    }
  }
  return [...found.entries()].sort(([a], [b]) => a - b).map(([, imported]) => imported);
}

/** Strings become `"#0"`, `"#1"`, …; comments, regular expressions and the text of templates become blanks. Lines stay. */
function mask(source: string): { readonly code: string; readonly strings: readonly string[] } {
  const strings: string[] = [];
  /** For each open template the depth of braces inside its current `${…}`. */
  const templates: number[] = [];
  let code = '';
  let rest = source;
  const take = (pattern: RegExp): string => {
    const [text = rest.slice(0, 1)] = pattern.exec(rest) ?? [];
    rest = rest.slice(text.length);
    return text;
  };
  const blank = (text: string): string => text.replace(/[^\n]/g, ' ');
  const templateText = /^(?:\\[\s\S]|\$(?!\{)|[^\\`$])*/;
  const closeTemplatePart = (): void => {
    code += blank(take(templateText));
    if (rest.startsWith('${')) {
      templates.push(0);
      code += blank(take(/^\$\{/));
    } else {
      code += blank(take(/^`/));
    }
  };

  while (rest !== '') {
    const [first] = rest;
    const depth = templates.at(-1);
    if (rest.startsWith('//')) code += blank(take(/^[^\n]*/));
    else if (rest.startsWith('/*')) code += blank(take(/^\/\*[\s\S]*?(?:\*\/|$)/));
    else if (first === "'" || first === '"') {
      const text = take(/^(?:'(?:\\[\s\S]|[^\\'\n])*'?|"(?:\\[\s\S]|[^\\"\n])*"?)/);
      code += `"#${strings.length}"`;
      strings.push(text.slice(1, -1));
    } else if (first === '/' && startsExpression(code)) {
      code += blank(take(/^\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/));
    } else if (first === '`') {
      code += blank(take(/^`/));
      closeTemplatePart();
    } else if (depth !== undefined && first === '}' && depth === 0) {
      templates.pop();
      code += blank(take(/^\}/));
      closeTemplatePart();
    } else {
      if (depth !== undefined && first === '{') templates[templates.length - 1] = depth + 1;
      if (depth !== undefined && first === '}') templates[templates.length - 1] = depth - 1;
      code += take(/^(?:[\w$]+|\s+|[\s\S])/);
    }
  }
  return { code, strings };
}

/** Whether a slash after this code starts a regular expression, not a division. */
function startsExpression(code: string): boolean {
  return /(?:^|[([{,;:=!&|?+\-*%<>~^}]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))\s*$/.test(
    code.slice(-80),
  );
}
