import { type Config, readConfig } from '../src/config/config.ts';
import { policySettingsOf } from '../src/config/policy-settings.ts';
import { readText } from '../src/config/read-text.ts';
import { type StatusWorld, showStatus } from '../src/status/command.ts';
import { HOOK_NAMESPACE, parseFlags, type StatusFlags, statusHelp } from '../src/status/flags.ts';
import { findInstallation, waitRegistered } from '../src/status/installation.ts';
import type { Call } from './command.ts';
import { withCluster } from './with-cluster.ts';

/** `reschedule-hook status`: shows what is under way, and changes nothing. */
export async function status(args: readonly string[], call: Call): Promise<number> {
  const flags = parseFlags(args);
  if (flags.help) {
    process.stdout.write(statusHelp(call.name));
    return 0;
  }
  const env = { ...call.env, ...flags.env };
  const config = readConfig({ ...env, POD_NAMESPACE: env.POD_NAMESPACE || HOOK_NAMESPACE }, readText);
  const { context } = flags;
  return withCluster(call, { env, context }, (world) =>
    answer(flags, config, env.WEBHOOK_CONFIGURATION || undefined, world),
  );
}

/** `named`: the registration of the installation that it is about, as far as somebody has said. */
async function answer(
  flags: StatusFlags,
  config: Config,
  named: string | undefined,
  world: StatusWorld,
): Promise<number> {
  if (flags.waitRegisteredMs !== undefined) return waitRegistered(named, flags.waitRegisteredMs, world);
  const webhookConfiguration = named ?? (await findInstallation(world.client)) ?? config.webhookConfiguration;
  return showStatus(flags, policySettingsOf({ ...config, webhookConfiguration }), world);
}
