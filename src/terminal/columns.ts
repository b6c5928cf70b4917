/** The widest line that a command prints. */
export const WIDTH = 100;
const GAP = '  ';

/** `limits`: the widths of all columns but the last, which gets what is left. A cell that is longer goes on below. */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  limits: readonly number[],
): string[] {
  const all = [header, ...rows];
  const widths = limits.map((limit, i) => Math.min(limit, Math.max(...all.map((row) => row[i]?.length ?? 0))));
  const left = WIDTH - widths.reduce((sum, width) => sum + width + GAP.length, 0);
  return all.flatMap((row) => {
    const cells = row.map((cell, i) => wrapped(safe(cell), widths[i] ?? left));
    const height = Math.max(...cells.map(({ length }) => length));
    return Array.from({ length: height }, (_, line) =>
      cells
        .map((lines, i) => (lines[line] ?? '').padEnd(widths[i] ?? 0))
        .join(GAP)
        .trimEnd(),
    );
  });
}

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
