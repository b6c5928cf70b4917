import { helpOf, oneOf, readArguments, value } from '../src/command-line.ts';
import { readConfig } from '../src/config/config.ts';
import { builtInNames, describeProfiles, profilesAsJson } from '../src/config/profiles/describe-profiles.ts';
import { readText } from '../src/config/read-text.ts';
import type { Call } from './command.ts';

/** `reschedule-hook profiles`: what the settings of the environment select. */
export function profiles(args: readonly string[], { name, env }: Call): number {
  const spec = {
    name,
    about:
      'Shows the profiles that the settings of the environment put in force, in their order: a pod is of the first that selects it. It asks no cluster.',
    options: {
      output: value('-o, --output <FORMAT>', 'text or json', oneOf(['text', 'json']), 'text'),
    },
    notes: `Built in, for PROFILES: ${builtInNames()}.\n\nExit code: 0 if they were shown, 2 if a setting or an argument is wrong.`,
  };
  const { options } = readArguments(spec, args);
  if (options.help) {
    process.stdout.write(helpOf(spec));
    return 0;
  }
  const inForce = readConfig(env, readText).profiles;
  process.stdout.write(options.output === 'json' ? profilesAsJson(inForce) : describeProfiles(inForce));
  return 0;
}
