import { readConfig } from '../src/config/config.ts';
import { readText } from '../src/config/read-text.ts';
import { showStatus } from '../src/status/command.ts';
import { parseFlags, statusHelp } from '../src/status/flags.ts';
import { waitRegistered } from '../src/status/installation.ts';
import type { Call } from './command.ts';
import { withCluster } from './with-cluster.ts';

/** `reschedule-hook status`: shows what is under way, and changes nothing. */
export async function status(args: readonly string[], call: Call): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    process.stdout.write(statusHelp(call.name));
    return 0;
  }
  // What is wrong with the flags needs no cluster.
  readConfig({ POD_NAMESPACE: 'any', ...flags.env }, readText);
  const env = { ...call.env, ...flags.env };
  const { context, waitRegisteredMs } = flags;
  return withCluster(call, { env, context }, (world) =>
    waitRegisteredMs === undefined
      ? showStatus(flags, { ...world, env: call.env, readFile: readText })
      : waitRegistered(env.WEBHOOK_CONFIGURATION || undefined, waitRegisteredMs, world),
  );
}
