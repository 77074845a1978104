/** No column is clipped to fewer characters than this. */
const narrowest = 8;
const gap = 2;
/** The labels of records (`Norm:       `) are padded to this length. */
const labelLength = 12;

/** The first column says what a row is about. */
const narrowestFirst = 14;

/**
 * Clips the cells of a table so that it is at most `columns` wide where that can be, the widest column first; without
 * `columns` (a file, a pipe) nothing is clipped. A clipped cell ends in `…`.
 */
export function fitCells(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  columns: number | undefined,
): readonly (readonly string[])[] {
  if (columns === undefined) return rows;
  const least = headers.map((header, i) => Math.max(i === 0 ? narrowestFirst : narrowest, lengthOf(header)));
  const widths = headers.map((header, i) => Math.max(lengthOf(header), ...rows.map((row) => lengthOf(row[i] ?? ''))));
  const available = columns - gap * (headers.length - 1);
  for (let excess = widths.reduce((a, b) => a + b, 0) - available; excess > 0; excess--) {
    const widest = widths.reduce(
      (best, width, i) => {
        const room = width - (least[i] ?? 0);
        return room > 0 && width > (widths[best] ?? 0) ? i : best;
      },
      widths.findIndex((width, i) => width > (least[i] ?? 0)),
    );
    if (widest < 0) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return rows.map((row) => row.map((cell, i) => clip(cell, widths[i] ?? 0)));
}

/**
 * Breaks lines that are longer than `columns` between words; what follows is indented as far as the line's text is, past a
 * list's dash or a label such as `Norm:       `. Without `columns` the text stays as it is.
 */
export function wrapText(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  return text
    .split('\n')
    .flatMap((line) => wrapLine(line, columns))
    .join('\n');
}

function wrapLine(line: string, columns: number): readonly string[] {
  const [label = ''] = /^[\w ]+: +/.exec(line) ?? [];
  const lead = label.length === labelLength ? label : (/^ *(?:- )?/.exec(line)?.[0] ?? '');
  const indent = ' '.repeat(Math.min(lead.length, Math.floor(columns / 2)));
  const lines: string[] = [];
  let current = lead;
  let isEmpty = true;
  for (const word of line.slice(lead.length).split(' ')) {
    if (!isEmpty && lengthOf(current) + 1 + lengthOf(word) > columns) {
      lines.push(current);
      current = indent;
      isEmpty = true;
    }
    current += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, current];
}

function clip(text: string, width: number): string {
  const characters = [...text];
  return characters.length <= width
    ? text
    : `${characters
        .slice(0, Math.max(0, width - 1))
        .join('')
        .trimEnd()}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}
