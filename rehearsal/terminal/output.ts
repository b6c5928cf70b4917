import { coloured, fitted } from './lines.ts';
import { Screen, type Terminal } from './screen.ts';

/** Where lines are written, and where some stay. */
export interface Output {
  write(line: string): void;
  /** Replaces the lines that stay at the bottom. Absent: none can. */
  readonly show?: (lines: readonly string[]) => void;
  /** How many may stay. */
  readonly rows: number;
  /** Leaves the terminal as it was found; may be called twice. */
  stop(): void;
}

/** One line after the other, as they are. */
export function plainOutput(write: (line: string) => void): Output {
  return { write, rows: 0, stop: () => undefined };
}

export interface TerminalOptions {
  readonly isColoured: boolean;
  /** Some lines stay at the bottom. */
  readonly isLive: boolean;
}

/** A terminal may not know its size, and then says 0. */
const UNKNOWN_ROWS = 24;
const UNKNOWN_COLUMNS = 80;
/** So much of the terminal is left to the lines that scroll by. */
const LEFT_ROWS = 8;

/** Lines that fit the terminal. */
export function terminalOutput(terminal: Terminal, { isColoured, isLive }: TerminalOptions): Output {
  const fit = (line: string) => {
    const lines = fitted(line, terminal.columns || UNKNOWN_COLUMNS);
    return isColoured ? lines.map(coloured) : lines;
  };
  if (!isLive) return plainOutput((line) => terminal.write(fit(line).join('\n').concat('\n')));
  const screen = new Screen(terminal);
  return {
    write: (line) => {
      for (const one of fit(line)) screen.write(one);
    },
    show: (lines) => screen.show(lines),
    get rows() {
      return Math.max(3, (terminal.rows || UNKNOWN_ROWS) - LEFT_ROWS);
    },
    stop: () => screen.stop(),
  };
}
