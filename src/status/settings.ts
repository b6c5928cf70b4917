import { UsageError } from '../command-line.ts';
import { type ReadFile, readConfig } from '../config/config.ts';
import { policySettingsOf } from '../config/policy-settings.ts';
import { findInstalledHook } from '../installed/installed-hook.ts';
import { SeveralInstallations } from '../installed/registration.ts';
import type { ApiClient } from '../kube/client.ts';
import { ApiError, describeError } from '../kube/errors.ts';
import type { PolicySettings } from '../policy/profiles/profile.ts';
import { HOOK_NAMESPACE, type StatusFlags } from './flags.ts';
import { findInstallation } from './installation.ts';

/** What the report is made by. */
export interface InForce {
  readonly settings: PolicySettings;
  /** The name of the registration. */
  readonly installation: string;
  /** Where settings and profiles were read, for people. */
  readonly settingsFrom: string;
}

export interface SettingsWorld {
  readonly client: ApiClient;
  /** The environment of the command. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
}

/** Flags that stand for settings, by a variable that each sets. */
const FLAGS: Readonly<Record<string, string>> = {
  POD_LABEL_SELECTOR: '--selector',
  RESCHEDULE_ANNOTATION_KEY: '--annotation',
  TRACK_RESCHEDULED_PODS: '--tracking',
  POD_NAMESPACE: '--hook-namespace',
};

/** Each of them says which pods are protected. */
const WHICH_PODS = [
  'PROFILES',
  'PROFILES_FILE',
  'POD_LABEL_SELECTOR',
  'POD_LABEL_SELECTOR_KEY',
  'POD_LABEL_SELECTOR_VALUE',
];

/**
 * The settings and profiles of the Deployment that answers; in the hook's own pod those of that pod. Flags come before them. Only
 * if they cannot be read, and the command was told which pods are protected, its own environment counts. Else it throws.
 */
export async function settingsInForce(given: StatusFlags, world: SettingsWorld): Promise<InForce> {
  const { env: flags } = given;
  const env = { ...world.env, ...flags };
  const overriding = Object.entries(FLAGS).flatMap(([name, option]) => (flags[name] ? [option] : []));
  const but = overriding.length === 0 ? '' : `, and ${overriding.join(', ')}`;
  if (isOwnPod(given, world)) return ownSettings(world, env, `the environment of this pod${but}`);
  try {
    const installation = env.WEBHOOK_CONFIGURATION || undefined;
    const told = { ...(installation && { installation }), env: world.env, readFile: world.readFile, instead: flags };
    const { name, settings, settingsFrom } = await findInstalledHook(world.client, told);
    return { settings, installation: name, settingsFrom: `${settingsFrom}${but}` };
  } catch (error) {
    const why = whyTold(error, env);
    return ownSettings(world, env, `the flags and the environment of this command, else defaults (${why})`);
  }
}

/** Why the settings were not read. Throws if the command was not told which pods are protected, or nobody answers at all. */
function whyTold(error: unknown, env: SettingsWorld['env']): string {
  if (error instanceof SeveralInstallations) throw error;
  const why = describeError(error);
  if (!(error instanceof ApiError || error instanceof UsageError)) {
    throw new Error(`the settings of the hook cannot be read: ${why}`, { cause: error });
  }
  if (!WHICH_PODS.some((name) => env[name])) throw new UsageError(`${why}; ${WHAT_TO_DO}`, { cause: error });
  return why;
}

const WHAT_TO_DO =
  'without the settings of the hook nothing is known of its pods: get the right to read them, run this in the pod of the hook, or say which pods it protects (--selector, or PROFILES)';

/** As the manifests set it, and about no other cluster. Its ServiceAccount may not read Deployments. */
function isOwnPod({ context, env: flags }: StatusFlags, { env }: SettingsWorld): boolean {
  return Boolean(env.POD_NAME && env.POD_NAMESPACE) && context === undefined && flags.KUBECONFIG === undefined;
}

async function ownSettings(
  { client, readFile }: SettingsWorld,
  env: SettingsWorld['env'],
  settingsFrom: string,
): Promise<InForce> {
  const config = readConfig({ ...env, POD_NAMESPACE: env.POD_NAMESPACE || HOOK_NAMESPACE }, readFile);
  const named = env.WEBHOOK_CONFIGURATION || (await findInstallation(client)) || config.webhookConfiguration;
  const settings = policySettingsOf({ ...config, webhookConfiguration: named });
  return { settings, installation: named, settingsFrom };
}
