import { readText } from '../src/config/read-text.ts';
import { envOf } from '../src/installed/flags.ts';
import { preflight as forecast } from '../src/preflight/command.ts';
import { parsePreflight, preflightHelp } from '../src/preflight/flags.ts';
import { version } from '../src/version.ts';
import type { Call } from './command.ts';
import { withCluster } from './with-cluster.ts';

/** `reschedule-hook preflight`: says what would hold up a drain, and changes nothing. */
export async function preflight(args: readonly string[], call: Call): Promise<number> {
  const flags = parsePreflight(args, call.name);
  if (flags.help) {
    process.stdout.write(preflightHelp(call.name));
    return 0;
  }
  const { context } = flags;
  const env = envOf(flags, call.env);
  const more = { env, readFile: readText, version: version() };
  return withCluster(call, { env, context }, (world) => forecast(flags, { ...world, ...more }));
}
