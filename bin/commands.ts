import type { Command } from './command.ts';

/** Every command, in the order of the help. A new one is a line here; its code is loaded when it is called. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    about: 'serves the webhook',
    run: async (args, call) => (await import('./serve.ts')).serve(args, call),
  },
  status: {
    about: 'shows what is under way, and changes nothing',
    run: async (args, call) => (await import('./status.ts')).status(args, call),
  },
  preflight: {
    about: 'says what would hold up a drain, and changes nothing',
    run: async (args, call) => (await import('./preflight.ts')).preflight(args, call),
  },
  explain: {
    about: 'says why a drain waits for a pod now, and changes nothing',
    run: async (args, call) => (await import('./explain.ts')).explain(args, call),
  },
  rehearse: {
    about: 'rehearses a drain, and says whether that was safe',
    run: async (args, call) => (await import('./rehearse.ts')).rehearse(args, call),
  },
  profiles: {
    about: 'shows the profiles of operators that are in force',
    run: async (args, call) => (await import('./profiles.ts')).profiles(args, call),
  },
  manifests: {
    about: 'renders the installation into one file',
    run: async (args, call) => (await import('./manifests.ts')).manifests(args, call),
  },
};
