import { helpOf, readArguments } from '../src/command-line.ts';
import { describeSettings } from '../src/config/settings.ts';
import { serve as serveHook } from '../src/main.ts';
import type { Call } from './command.ts';

/** `reschedule-hook serve`: runs the hook until a signal ends it. */
export function serve(args: readonly string[], { name, env }: Call): number | Promise<number> {
  const spec = {
    name,
    about:
      'Serves the webhook until SIGTERM or SIGINT. Outside a pod, without TLS_CERT_FILE and TLS_KEY_FILE, it makes itself a certificate that ends with it, and prints the registration to apply.',
    options: {},
    notes: `Exit code: 0 after a signal, 1 if it ended by itself, 2 if it could not begin.\n\nSettings:\n${describeSettings()}`,
  };
  if (!readArguments(spec, args).options.help) return serveHook(env);
  process.stdout.write(helpOf(spec));
  return 0;
}
