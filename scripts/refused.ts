import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { UsageError } from '../src/command-line.ts';

/** The folder of the checkout. */
export const ROOT = join(import.meta.dirname, '..');

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

/** Runs a program to its end, in that folder. Throws Refused, with what it complained of. */
export function runIn(cwd: string, file: string, args: readonly string[]): void {
  const { error, status, stderr } = spawnSync(file, args, { cwd, encoding: 'utf-8' });
  if (error !== undefined) throw new Refused(`${file} cannot be run (${error.message}); it has to be in the PATH`);
  if (status !== 0) throw new Refused(`${file} ${args[0]}: ${stderr.trim()}`);
}
