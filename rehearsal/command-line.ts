import { Command } from 'commander';

/** A command line that is read to its end, so that everything wrong with it is named at once. It never ends the process. */
export class CommandLine extends Command {
  readonly #problems: string[] = [];
  /** Options that lack their value. */
  readonly #lacking = new Set<string>();

  constructor(name: string) {
    super(name);
    // Given by hand: with the wrong options beside it, it would hide them.
    this.helpOption(false).allowExcessArguments();
    this.configureHelp({ helpWidth: 100 });
  }

  /** What was wrong, in the order of the arguments; empty if nothing was. */
  get problems(): readonly string[] {
    return this.#problems;
  }

  /** The values of the known options. */
  read<T extends object>(args: readonly string[]): Partial<T> {
    const { operands, unknown } = this.parseOptions([...args]);
    const values = this.#values() as Partial<T>;
    for (const operand of operands) this.#unexpected(operand);
    unknown.forEach((arg, i) => {
      if (arg.startsWith('-')) this.#unknown(arg);
      // What follows an unknown option is its value, most likely.
      else if (!/^-[^=]*$/.test(unknown[i - 1] ?? '')) this.#unexpected(arg);
    });
    return values;
  }

  /** Commander's errors are gathered, and it goes on. */
  override error(message: string): never {
    const [, flags] = /option '(.*)' argument missing/.exec(message) ?? [];
    for (const option of this.options) if (option.flags === flags) this.#lacking.add(option.attributeName());
    const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
    this.#problems.push(text.charAt(0).toUpperCase() + text.slice(1));
    return undefined as never;
  }

  /** Without the values that are none: an option that lacks its value is not read any further. */
  #values(): object {
    const given = Object.entries(this.opts()).filter(([name, value]) => {
      const isOption = typeof value === 'string' && value.startsWith('--');
      if (isOption) this.#problems.push(`Option '${this.#flagsOf(name)}' needs a value before '${value}'`);
      return !(isOption || this.#lacking.has(name));
    });
    return Object.fromEntries(given);
  }

  #flagsOf(name: string): string {
    return this.options.find((option) => option.attributeName() === name)?.flags ?? name;
  }

  #unexpected(argument: string): void {
    this.#problems.push(`Unexpected argument '${argument}'`);
  }

  #unknown(argument: string): void {
    const [flag = argument] = argument.split('=');
    const isKnown = this.options.some(({ long, short }) => long === flag || short === flag);
    if (isKnown) this.#problems.push(`Option '${flag}' does not take an argument`);
    // Commander then says which option was meant, perhaps.
    else this.parse([flag], { from: 'user' });
  }
}
