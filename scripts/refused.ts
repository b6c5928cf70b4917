import { UsageError } from '../src/command-line.ts';

/** What was asked for cannot be done: one line, exit code 1. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/** Runs a script's main and sets the exit code: what `main` gives, 1 for Refused, 2 for a wrong command line. */
export function runMain(name: string, main: () => number): void {
  try {
    process.exitCode = main();
  } catch (error) {
    if (!(error instanceof Refused || error instanceof UsageError)) throw error;
    console.error(`${name}: ${error.message}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
