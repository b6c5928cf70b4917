/** The program as it was started: by its name, as a plugin of kubectl, in the image. */
export interface Program {
  /** What people type: `reschedule-hook`, or `kubectl reschedule`. */
  readonly name: string;
  /** The script that Node runs. */
  readonly file: string;
  /** The command that is meant where none is given. Absent: the help is shown. */
  readonly byDefault?: string;
}

/** How a command was called. */
export interface Call {
  /** For its help: `reschedule-hook status`. */
  readonly name: string;
  readonly env: NodeJS.ProcessEnv;
  readonly program: Program;
}

/**
 * One command. It resolves to the exit code: 0 it holds, 1 it does not, 2 it could not begin. A UsageError or a ConfigError
 * that it throws is printed, and ends in 2.
 */
export interface Command {
  /** A clause for the list of commands. */
  readonly about: string;
  /** Loads what only this command needs. */
  run(args: readonly string[], call: Call): number | Promise<number>;
}
