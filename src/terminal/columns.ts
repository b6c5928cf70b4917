/** The widest line that a command prints. */
export const WIDTH = 100;
const GAP = '  ';

/** Colours what a cell shows. `row` is absent in the header. */
export type Paint = (text: string, column: number, row?: readonly string[]) => string;

/** `limits`: the widths of all columns but the last, which gets what is left. A cell that is longer goes on below. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  limits: readonly number[],
  paint: Paint = (text) => text,
): string[] {
  const all = [header, ...rows];
  const widths = limits.map((limit, i) => Math.min(limit, Math.max(...all.map((row) => row[i]?.length ?? 0))));
  const left = WIDTH - sum(widths) - GAP.length * widths.length;
  return all.flatMap((row, at) => {
    const cells = row.map((cell, i) => wrapped(safe(cell), widths[i] ?? left));
    const height = Math.max(...cells.map(({ length }) => length));
    const shown = (text: string, i: number) => {
      const padding = ' '.repeat(Math.max(0, (widths[i] ?? 0) - text.length));
      return text === '' ? padding : paint(text, i, at === 0 ? undefined : row) + padding;
    };
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, i) => shown(lines[line] ?? '', i))
        .join(GAP)
        .trimEnd(),
    );
  });
}

/** Limits for a table of any cells: as wide as they are, and where that is too wide, the widest columns give way. */
export function limitsFor(header: readonly string[], rows: readonly (readonly string[])[]): number[] {
  const widths = header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i]?.length ?? 0)));
  const room = WIDTH - GAP.length * (widths.length - 1);
  for (let width = Math.max(...widths); width > 1 && sum(widths) > room; width--) {
    for (let i = widths.length - 1; i >= 0 && sum(widths) > room; i--) widths[i] = Math.min(widths[i] ?? 0, width - 1);
  }
  return widths.slice(0, -1);
}

const sum = (all: readonly number[]) => all.reduce((total, one) => total + one, 0);

/** Breaks at spaces, and within a word that is longer than a line. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ').flatMap((one) => pieces(one, width))) {
    const last = lines.at(-1) ?? '';
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

const pieces = (word: string, width: number): string[] =>
  word.length <= width ? [word] : [word.slice(0, width), ...pieces(word.slice(width), width)];

/** Anybody can write annotations, and a terminal must not obey control characters in them. */
export const safe = (text: string) => text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, '?');
