import { readText } from '../src/config/read-text.ts';
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
  const { kubeconfig, context } = flags;
  const env = kubeconfig === undefined ? call.env : { ...call.env, KUBECONFIG: kubeconfig };
  const more = { env, readFile: readText, version: version() };
  return withCluster(call, { env, context }, (world) => forecast(flags, { ...world, ...more }));
}
