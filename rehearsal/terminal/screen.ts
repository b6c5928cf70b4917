/** What a screen needs of a terminal. */
export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

const ESC = '\u001b[';
const HIDE_CURSOR = `${ESC}?25l`;
const SHOW_CURSOR = `${ESC}?25h`;
const CLEAR_BELOW = `${ESC}J`;
/** A terminal may not know its size, and then says 0. */
const UNKNOWN_COLUMNS = 80;
/** Between these a terminal that knows them shows nothing, so that nothing flickers; others ignore them. */
const BEGIN = `${ESC}?2026h`;
const END = `${ESC}?2026l`;

/** Some lines that stay at the bottom of a terminal and are redrawn, while other lines scroll by above them. */
export class Screen {
  readonly #terminal: Terminal;
  #drawn: readonly string[] = [];
  #isOn = true;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
    terminal.write(HIDE_CURSOR);
  }

  /** A line above those that stay. */
  write(line: string): void {
    if (this.#isOn) this.#draw(`${line}\n`, this.#drawn);
    else this.#terminal.write(`${line}\n`);
  }

  /** Replaces the lines that stay. They are cut where the terminal is narrower. */
  show(lines: readonly string[]): void {
    if (this.#isOn) this.#draw('', lines);
  }

  /** Takes the lines away and gives the cursor back. What is written then is written as it is; may be called twice. */
  stop(): void {
    if (!this.#isOn) return;
    this.#draw('', []);
    this.#isOn = false;
    this.#terminal.write(SHOW_CURSOR);
  }

  #draw(above: string, lines: readonly string[]): void {
    const columns = this.#terminal.columns || UNKNOWN_COLUMNS;
    // The last column stays free: a terminal may wrap where it is filled.
    const cut = lines.map((line) => line.slice(0, Math.max(1, columns - 1)));
    const text = cut.map((line) => `${line}\n`).join('');
    this.#terminal.write(`${BEGIN}${this.#backToTop(columns)}${CLEAR_BELOW}${above}${text}${END}`);
    this.#drawn = cut;
  }

  /** A terminal that was made narrower has wrapped what was drawn before. */
  #backToTop(columns: number): string {
    const height = this.#drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
    return height === 0 ? '\r' : `\r${ESC}${height}A`;
  }
}
