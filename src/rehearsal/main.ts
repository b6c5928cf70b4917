import { describeError } from '../kube/errors.ts';
import { HELP, readFlags, UsageError } from './flags.ts';
import { rehearse } from './rehearse.ts';

/** `npm run rehearse`: resolves to the exit code; see HELP for what it means. */
async function main(args: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => interrupted.abort(new Error('interrupted')));
  }
  try {
    const flags = readFlags(args);
    if (flags.help) {
      process.stdout.write(HELP);
      return 0;
    }
    return (await rehearse(flags, { write: (line) => console.log(line), signal: interrupted.signal })) ? 0 : 1;
  } catch (error) {
    console.error(`rehearse: ${interrupted.signal.aborted ? 'interrupted' : describeError(error)}`);
    return exitCode(error, interrupted.signal);
  }
}

function exitCode(error: unknown, interrupted: AbortSignal): number {
  if (interrupted.aborted) return 130;
  return error instanceof UsageError ? 2 : 1;
}

process.exitCode = await main(process.argv.slice(2));
