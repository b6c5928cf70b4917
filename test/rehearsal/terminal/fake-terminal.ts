import type { Terminal } from '../../../rehearsal/terminal/screen.ts';

const CONTROL = '\u001b[';

/** What a terminal shows of what was written to it. It knows only what a Screen uses, and throws at anything else. */
export class FakeTerminal implements Terminal {
  columns: number;
  readonly rows: number;
  isCursorShown = true;
  #lines: string[] = [''];
  #row = 0;
  #column = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
  }

  /** Without the empty line that the cursor waits in. */
  get lines(): string[] {
    return this.#lines.slice(0, -1);
  }

  /** Wraps what is there, as a terminal does. */
  narrow(columns: number): void {
    const wrapped = this.#lines.flatMap((line) => line.match(new RegExp(`.{1,${columns}}`, 'g')) ?? ['']);
    this.#row += wrapped.length - this.#lines.length;
    this.#lines = wrapped;
    this.columns = columns;
  }

  write(text: string): void {
    const [first = '', ...others] = text.split(CONTROL);
    this.#print(first);
    for (const other of others) {
      const code = /^[?\d]*[A-Za-z]/.exec(other)?.[0] ?? '';
      this.#control(code);
      this.#print(other.slice(code.length));
    }
  }

  #control(code: string): void {
    const up = /^(\d+)A$/.exec(code)?.[1];
    if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
    else if (code === 'J') this.#clearBelow();
    else if (code === '?25l' || code === '?25h') this.isCursorShown = code.endsWith('h');
    else if (code !== '?2026h' && code !== '?2026l') throw new Error(`not known here: ${code}`);
  }

  #clearBelow(): void {
    this.#lines = this.#lines.slice(0, this.#row + 1);
    this.#lines[this.#row] = (this.#lines[this.#row] ?? '').slice(0, this.#column);
  }

  #print(text: string): void {
    for (const letter of text) this.#put(letter);
  }

  #put(letter: string): void {
    if (letter === '\r') this.#column = 0;
    else if (letter === '\n') {
      this.#row++;
      this.#column = 0;
      this.#lines[this.#row] ??= '';
    } else {
      const line = this.#lines[this.#row] ?? '';
      this.#lines[this.#row] = line.slice(0, this.#column) + letter + line.slice(this.#column + 1);
      this.#column++;
    }
  }
}
