import { stripVTControlCharacters } from 'node:util';

/** What a cell without a value shows. */
const missing = '–';

/** In seconds. What rounds up to a whole unit is shown in that unit. */
const timeUnits = [
  { length: 1, name: 's' },
  { length: 1e-3, name: 'ms' },
  { length: 1e-6, name: 'µs' },
];

export interface Column {
  readonly header: string;
  /** Default: right when every cell is a number or a text that starts like one, else left. */
  readonly align?: 'left' | 'right';
}

export type Cell = string | number | null | undefined;

/**
 * A plain-text table: a line of headers, a rule, a line per row; columns are two spaces apart and no line ends in spaces.
 *
 * Numbers are printed as they are: round them before. Throws a RangeError for a row of another length than the columns.
 */
export function formatTable(columns: readonly (Column | string)[], rows: readonly (readonly Cell[])[]): string {
  const heads = columns.map((column) => (typeof column === 'string' ? { header: column } : column));
  const bad = rows.findIndex((row) => row.length !== heads.length);
  if (bad >= 0)
    throw new RangeError(`core/format: row ${bad} has ${rows[bad]?.length} cells, expected ${heads.length}`);
  const texts = rows.map((row) => row.map((cell) => (cell ?? missing).toString()));
  const layout = heads.map((head: Column, i) => {
    const cells = texts.map((row) => row[i] ?? '');
    const width = Math.max(widthOf(head.header), ...cells.map(widthOf));
    return { width, align: head.align ?? (cells.every(looksNumeric) ? 'right' : 'left') };
  });
  const line = (cells: readonly string[]) =>
    layout
      .map(({ width, align }, i) => {
        const cell = cells[i] ?? '';
        const padding = ' '.repeat(width - widthOf(cell));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  const rule = layout.map(({ width }) => '─'.repeat(width)).join('  ');
  return [line(heads.map((head) => head.header)), rule, ...texts.map(line)].join('\n');
}

/** A time as people say it: `12.3 µs`, `1.23 s`, `2 min 05 s`, `1 h 02 min`, `3 d 04 h`. */
export function formatDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return missing;
  if (seconds < 0) return `-${formatDuration(-seconds)}`;
  if (seconds < 59.95) {
    const unit = timeUnits.find(({ length }) => seconds >= 0.9995 * length) ?? { length: 1e-9, name: 'ns' };
    return seconds === 0 ? '0 s' : `${formatSignificant(seconds / unit.length, 3)} ${unit.name}`;
  }
  const pair = (total: number, large: string, small: string, perLarge: number) =>
    `${Math.floor(total / perLarge)} ${large} ${String(total % perLarge).padStart(2, '0')} ${small}`;
  if (seconds < 3599.5) return pair(Math.round(seconds), 'min', 's', 60);
  if (seconds < 86370) return pair(Math.round(seconds / 60), 'h', 'min', 60);
  return pair(Math.round(seconds / 3600), 'd', 'h', 24);
}

/** Bytes in powers of 1024: `512 B`, `1.50 KiB`, `24.0 MiB`. */
export function formatBytes(bytes: number): string {
  return scaled(bytes, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB', ' PiB'], 3);
}

/** A count with a decimal prefix: `999`, `16.0k`, `1.24M`, `7.00G`. */
export function formatSi(value: number, digits = 3): string {
  return scaled(value, 1000, ['', 'k', 'M', 'G', 'T', 'P', 'E'], digits);
}

function scaled(value: number, base: number, units: readonly string[], digits: number): string {
  if (!Number.isFinite(value)) return missing;
  let power = 0;
  let rest = value;
  // 999.9 rounds to 1000, which belongs to the next unit.
  while (power < units.length - 1 && Math.abs(Number(formatSignificant(rest, digits))) >= base) {
    rest /= base;
    power++;
  }
  const number = power === 0 && Number.isInteger(rest) ? String(rest) : formatSignificant(rest, digits);
  return number + units[power];
}

/**
 * A number with `digits` significant digits, zeros at the end included: `2.00`, `0.000123`, `1.23e-7`.
 *
 * The digits before the point are all shown (`12346` with 3), and from 10¹⁵ on, or under 10⁻⁵, there is an exponent.
 */
export function formatSignificant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? missing : value > 0 ? '∞' : '-∞';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e15 || size < 1e-5) return value.toExponential(digits - 1);
  if (size >= 10 ** digits) return String(Math.round(value));
  // Rounding may carry (9.996 to 10.0), so the exponent is that of the rounded number.
  const exponent = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(digits)))) + 1e-9);
  return value.toFixed(Math.max(0, digits - 1 - exponent));
}

function widthOf(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}

function looksNumeric(text: string): boolean {
  return text === '' || text === missing || /^[<>≤≥±~]?\s?[-+−]?(\d|∞)/.test(stripVTControlCharacters(text));
}
