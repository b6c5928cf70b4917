/** The lines that a text takes in so many columns; it is broken at spaces, and goes on a little further in. Nothing is lost. */
export function fitted(text: string, columns: number): string[] {
  const indent = ' '.repeat((/^ */.exec(text)?.[0].length ?? 0) + 4);
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns && columns > 2 * indent.length) {
    const at = rest.lastIndexOf(' ', columns);
    // A word that is wider than the terminal is broken by the terminal.
    const end = at > indent.length ? at : rest.indexOf(' ', columns);
    if (end === -1) break;
    lines.push(rest.slice(0, end).trimEnd());
    rest = indent + rest.slice(end).trimStart();
  }
  return [...lines, rest];
}

const GREEN = 32;
const RED = 31;
const YELLOW = 33;
const COLOURS: readonly (readonly [RegExp, number])[] = [
  [/^✔/, GREEN],
  [/^✘/, RED],
  [/^\?/, YELLOW],
  [/\bNOT SAFE\b|^ *FAILS\b|^problem:/, RED],
  [/\bNOT PROVEN\b/, YELLOW],
];

/** A line of the result in colours; each is beside a sign or a word that says the same. */
export function coloured(line: string): string {
  const paint = (text: string, colour: number) => `\u001b[${colour}m${text}\u001b[39m`;
  return COLOURS.reduce((painted, [what, colour]) => painted.replace(what, (text) => paint(text, colour)), line);
}
