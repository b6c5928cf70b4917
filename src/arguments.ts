import { readFileSync } from 'node:fs';
import { systemClock } from './async/system-clock.ts';
import { flag, helpOf, oneOf, readArguments, UsageError, value } from './command-line.ts';
import { type Config, ConfigError, readConfig } from './config/config.ts';
import { misspelt } from './config/misspelt.ts';
import { policySettingsOf } from './config/policy-settings.ts';
import { builtInNames, describeProfiles, profilesAsJson } from './config/profiles/describe-profiles.ts';
import { describeSettings } from './config/settings.ts';
import { explainPod } from './explain/command.ts';
import { explainHelp, parseExplain } from './explain/flags.ts';
import { createApiClient } from './kube/client.ts';
import { openConnection } from './kube/connection.ts';
import { describeError } from './kube/errors.ts';
import { loadKubeConfig } from './kube/kubeconfig.ts';
import { readProxyEnvironment } from './kube/proxy-environment.ts';
import { clockOf, ServerTime } from './kube/server-time.ts';
import { preflight } from './preflight/command.ts';
import { parsePreflight, preflightHelp } from './preflight/flags.ts';
import { type StatusWorld, showStatus } from './status/command.ts';
import { HOOK_NAMESPACE, parseFlags, STATUS_HELP, type StatusFlags } from './status/flags.ts';
import { findInstallation, waitRegistered } from './status/installation.ts';
import { version } from './version.ts';

const HOOK = {
  name: 'reschedule-hook',
  about:
    'Makes kubectl drain safe for stateful pods that an operator has to move. Without a command it serves the webhook. It reads the cluster from KUBECONFIG, ~/.kube/config or its ServiceAccount, and its settings from the environment.',
  options: {
    version: flag('--version', 'show the version'),
    check: flag('--check', 'read the settings, and nothing else: 0 if they are right, 2 with every problem named'),
  },
  commands: {
    status: 'shows what is under way, and changes nothing (reschedule-hook status --help)',
    preflight: 'says what would hold up a drain, and changes nothing (reschedule-hook preflight --help)',
    explain: 'says why a drain waits for a pod now, and changes nothing (reschedule-hook explain --help)',
    profiles: 'shows the profiles of operators that are in force (reschedule-hook profiles --help)',
  },
  notes: `Settings:\n${describeSettings()}`,
};

const PROFILES = {
  name: 'reschedule-hook profiles',
  about:
    'Shows the profiles that the settings of the environment put in force, in their order: a pod is of the first that selects it. It asks no cluster.',
  options: {
    output: value('-o, --output <FORMAT>', 'text or json', oneOf(['text', 'json']), 'text'),
  },
  notes: `Built in, for PROFILES: ${builtInNames()}.`,
};

/** Resolves to the exit code; `undefined` when nothing was asked, and the hook is to run. */
export async function answerArguments(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number | undefined> {
  const [first, ...rest] = args;
  try {
    if (first === 'status') return await status(rest, env);
    if (first === 'preflight') return await preflightDrain(rest, env);
    if (first === 'explain') return await explainOne(rest, env);
    return first === 'profiles' ? showProfiles(rest, env) : answerOptions(args, env);
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`reschedule-hook: ${line}\n`);
    return 2;
  }
}

function answerOptions(args: readonly string[], env: NodeJS.ProcessEnv): number | undefined {
  const { options } = readArguments(HOOK, args);
  const asked = (['help', 'version', 'check'] as const).filter((name) => options[name]);
  if (asked.length > 1) throw new UsageError(`give ${asked.map((name) => `--${name}`).join(' or ')}, not both`);
  if (asked.length === 0) return undefined;
  if (options.check) return check(env);
  process.stdout.write(options.help ? helpOf(HOOK) : `${version()}\n`);
  return 0;
}

function showProfiles(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const { options } = readArguments(PROFILES, args);
  if (options.help) {
    process.stdout.write(helpOf(PROFILES));
    return 0;
  }
  const { profiles } = readConfig(env, readText);
  process.stdout.write(options.output === 'json' ? profilesAsJson(profiles) : describeProfiles(profiles));
  return 0;
}

/** Reads a file that a setting names. */
export function readText(path: string): string {
  return readFileSync(path, 'utf-8');
}

/** `reschedule-hook --check`: for a pipeline, which has the settings but neither the certificates nor the cluster. */
function check(env: NodeJS.ProcessEnv): number {
  for (const { variable, meant } of misspelt(env)) {
    process.stderr.write(`reschedule-hook: ${variable} is not a setting; ${meant} is\n`);
  }
  const { profiles } = readConfig(env, readText);
  process.stdout.write(`the settings are right\n${describeProfiles(profiles)}`);
  return 0;
}

/** `reschedule-hook status`: shows what is under way, and changes nothing. */
async function status(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const complain = (line: string) => void process.stderr.write(`reschedule-hook: ${line}\n`);
  let flags: StatusFlags;
  let config: Config;
  try {
    flags = parseFlags(args);
    if (flags.help) {
      process.stdout.write(STATUS_HELP);
      return 0;
    }
    config = readConfig({ ...env, POD_NAMESPACE: env.POD_NAMESPACE || HOOK_NAMESPACE, ...flags.env }, readText);
  } catch (error) {
    complain(`${describeError(error)}; see reschedule-hook status --help`);
    return 2;
  }
  const settings = { ...env, ...flags.env };
  return withCluster(settings, flags.context, env, (world) =>
    answerStatus(flags, config, settings.WEBHOOK_CONFIGURATION || undefined, world),
  );
}

/** `reschedule-hook preflight`: what would hold up a drain. Changes nothing. */
async function preflightDrain(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const name = 'reschedule-hook preflight';
  const flags = parsePreflight(args, name);
  if (flags.help) {
    process.stdout.write(preflightHelp(name));
    return 0;
  }
  const more = { env, readFile: readText, version: version() };
  return withCluster(clusterOf(flags, env), flags.context, env, (world) => preflight(flags, { ...world, ...more }), 2);
}

/** `reschedule-hook explain`: why a drain waits for a pod. Changes nothing. */
async function explainOne(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const name = 'reschedule-hook explain';
  const flags = parseExplain(args, name);
  if (flags.help) {
    process.stdout.write(explainHelp(name));
    return 0;
  }
  const more = { env, readFile: readText };
  return withCluster(clusterOf(flags, env), flags.context, env, (world) => explainPod(flags, { ...world, ...more }), 2);
}

const clusterOf = ({ kubeconfig }: { readonly kubeconfig?: string }, env: NodeJS.ProcessEnv) =>
  kubeconfig === undefined ? env : { ...env, KUBECONFIG: kubeconfig };

/** Connects to the cluster, and ends with `unreachable` where that fails. `settings`: which kubeconfig. */
async function withCluster(
  settings: NodeJS.ProcessEnv,
  context: string | undefined,
  env: NodeJS.ProcessEnv,
  run: (world: StatusWorld) => Promise<number>,
  unreachable = 1,
): Promise<number> {
  const complain = (line: string) => void process.stderr.write(`reschedule-hook: ${line}\n`);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', () => stop.abort());
  try {
    const connection = await openConnection(
      () => loadKubeConfig(settings, context),
      systemClock,
      readProxyEnvironment(env),
    );
    const time = new ServerTime(systemClock);
    const world = {
      client: createApiClient(connection, systemClock, { onCall: (call) => time.onCall(call) }),
      clock: clockOf(time, systemClock),
      random: Math.random,
      print: (text: string) => void process.stdout.write(text),
      isTerminal: process.stdout.isTTY === true,
      complain,
      stop: stop.signal,
    };
    try {
      return await run(world);
    } finally {
      // An open connection would keep the process.
      await connection.close();
    }
  } catch (error) {
    complain(describeError(error));
    return error instanceof UsageError ? 2 : unreachable;
  }
}

/** `named`: the registration of the installation that it is about, as far as somebody has said. */
async function answerStatus(
  flags: StatusFlags,
  config: Config,
  named: string | undefined,
  world: StatusWorld,
): Promise<number> {
  if (flags.waitRegisteredMs !== undefined) return waitRegistered(named, flags.waitRegisteredMs, world);
  const webhookConfiguration = named ?? (await findInstallation(world.client)) ?? config.webhookConfiguration;
  return showStatus(flags, policySettingsOf({ ...config, webhookConfiguration }), world);
}
