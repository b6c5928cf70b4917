import { readText } from '../src/config/read-text.ts';
import { explainPod } from '../src/explain/command.ts';
import { explainHelp, parseExplain } from '../src/explain/flags.ts';
import { envOf } from '../src/installed/flags.ts';
import type { Call } from './command.ts';
import { withCluster } from './with-cluster.ts';

/** `reschedule-hook explain`: says why a drain waits for a pod now, and changes nothing. */
export async function explain(args: readonly string[], call: Call): Promise<number> {
  const flags = parseExplain(args, call.name);
  if (flags.help) {
    process.stdout.write(explainHelp(call.name));
    return 0;
  }
  const { context } = flags;
  const env = envOf(flags, call.env);
  return withCluster(call, { env, context }, (world) => explainPod(flags, { ...world, env, readFile: readText }));
}
