import { type CommandSpec, flag, helpOf, readArguments, UsageError } from '../src/command-line.ts';
import { ConfigError, readConfig } from '../src/config/config.ts';
import { misspelt } from '../src/config/misspelt.ts';
import { describeProfiles } from '../src/config/profiles/describe-profiles.ts';
import { readText } from '../src/config/read-text.ts';
import { describeSettings } from '../src/config/settings.ts';
import { version } from '../src/version.ts';
import type { Call, Program } from './command.ts';
import { COMMANDS } from './commands.ts';

const OPTIONS = {
  version: flag('--version', 'show the version'),
  check: flag('--check', 'read the settings, and nothing else: 0 if they are right, 2 with every problem named'),
};

/** Runs the command that the arguments name. Resolves to the exit code. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv, program: Program): Promise<number> {
  // Whoever read it has gone, as `head` does. There is nobody to tell.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    const [name = '', ...rest] = args;
    const command = commandNamed(name);
    if (command !== undefined) return await command.run(rest, callOf(name, env, program));
    return answerOptions(args, env, program) ?? (await runDefault(env, program));
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof ConfigError)) throw error;
    for (const line of error.message.split('\n')) process.stderr.write(`${program.name}: ${line}\n`);
    return 2;
  }
}

const commandNamed = (name: string) => (Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined);

const callOf = (name: string, env: NodeJS.ProcessEnv, program: Program): Call => ({
  name: `${program.name} ${name}`,
  env,
  program,
});

async function runDefault(env: NodeJS.ProcessEnv, program: Program): Promise<number> {
  const { byDefault = '' } = program;
  const command = commandNamed(byDefault);
  if (command === undefined) throw new Error(`there is no command ${byDefault}`);
  return command.run([], callOf(byDefault, env, program));
}

/** The exit code; undefined if the command that is meant without a name is to run. */
function answerOptions(args: readonly string[], env: NodeJS.ProcessEnv, program: Program): number | undefined {
  const spec = specOf(program);
  const { options } = readArguments(spec, args);
  const asked = (['help', 'version', 'check'] as const).filter((name) => options[name]);
  if (asked.length > 1) throw new UsageError(`give ${asked.map((name) => `--${name}`).join(' or ')}, not both`);
  if (options.check) return check(env, program);
  if (asked.length === 0 && program.byDefault !== undefined) return undefined;
  process.stdout.write(options.version ? `${version()}\n` : helpOf(spec));
  return 0;
}

function specOf({ name, byDefault }: Program): CommandSpec<typeof OPTIONS> {
  const otherwise = byDefault === undefined ? '' : ` Without a command it runs ${byDefault}.`;
  return {
    name,
    about: `Makes kubectl drain safe for stateful pods that an operator has to move.${otherwise} It reads the cluster from KUBECONFIG, ~/.kube/config or its ServiceAccount, and its settings from the environment.`,
    options: OPTIONS,
    commands: Object.fromEntries(
      Object.entries(COMMANDS).map(([command, { about }]) => [command, `${about} (${name} ${command} --help)`]),
    ),
    notes: `Exit code of every command: 0 it holds, 1 it does not, 2 it could not begin.\n\nSettings:\n${describeSettings()}`,
  };
}

/** `--check`: for a pipeline, which has the settings but neither the certificates nor the cluster. */
function check(env: NodeJS.ProcessEnv, program: Program): number {
  for (const { variable, meant } of misspelt(env)) {
    process.stderr.write(`${program.name}: ${variable} is not a setting; ${meant} is\n`);
  }
  const { profiles } = readConfig(env, readText);
  process.stdout.write(`the settings are right\n${describeProfiles(profiles)}`);
  return 0;
}
