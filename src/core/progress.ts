import { stripVTControlCharacters } from 'node:util';

/** What a progress line is written to; `process.stderr` is one. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  /** False once nobody reads any more, as after `| head`. */
  readonly writable?: boolean;
  write(text: string): unknown;
}

export interface ProgressOptions {
  /** Default `process.stderr`. */
  readonly stream?: ProgressStream;
  /** The least time between two lines where the stream is no terminal. Default 10 s. */
  readonly everySeconds?: number;
  /** Milliseconds since some fixed moment. */
  readonly now?: () => number;
}

export interface Progress {
  /** Shows where the work stands. May be called as often as one likes. */
  update(line: string): void;
  /** Writes a line that stays. */
  log(line: string): void;
  /** Shows the last update for good, or clears it when told to. */
  done(options?: { readonly clear?: boolean }): void;
}

/** A terminal is rewritten at most this often. */
const terminalPeriodMs = 100;

/**
 * A progress line: on a terminal one line that is rewritten and clipped to the width, elsewhere (a log file, a
 * pipe) a line now and then.
 */
export function createProgress(options: ProgressOptions = {}): Progress {
  const { stream = process.stderr, everySeconds = 10, now = () => performance.now() } = options;
  const periodMs = stream.isTTY ? terminalPeriodMs : 1000 * everySeconds;
  let latest = '';
  let shown = '';
  let shownAt = Number.NEGATIVE_INFINITY;

  function show(line: string): void {
    if (stream.isTTY) {
      // Blanks, not an escape sequence, wipe what a longer line left: they work on every terminal.
      const clipped = clip(line, (stream.columns || 80) - 1);
      stream.write(`\r${clipped}${' '.repeat(Math.max(0, lengthOf(shown) - lengthOf(clipped)))}`);
      shown = clipped;
    } else {
      stream.write(`${line}\n`);
      shown = line;
    }
    shownAt = now();
  }

  function wipe(): void {
    if (!stream.isTTY || shown === '') return;
    stream.write(`\r${' '.repeat(lengthOf(shown))}\r`);
    shown = '';
  }

  return {
    update(line) {
      latest = oneLine(line);
      if (now() - shownAt >= periodMs) show(latest);
    },
    log(line) {
      wipe();
      stream.write(`${line}\n`);
      if (stream.isTTY && latest !== '') show(latest);
    },
    done({ clear = false } = {}) {
      if (clear) wipe();
      else if (latest !== '') {
        if (stream.isTTY) {
          show(latest);
          stream.write('\n');
        } else if (shown !== latest) show(latest);
      }
      latest = '';
      shown = '';
    },
  };
}

/** The text without what would move the cursor. */
function oneLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trimEnd();
}

function clip(line: string, width: number): string {
  const characters = [...line];
  return characters.length <= width ? line : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

function lengthOf(line: string): number {
  return [...line].length;
}
