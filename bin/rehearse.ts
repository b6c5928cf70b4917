import { runRehearsal } from '../rehearsal/main.ts';
import type { Call } from './command.ts';

/** `reschedule-hook rehearse`. */
export function rehearse(args: readonly string[], { name, env, program }: Call): Promise<number> {
  return runRehearsal(args, {
    name,
    program: program.name,
    hookProgram: { entry: env.HOOK_ENTRY ?? program.file, args: ['serve'] },
    // Set in the image, which shares the memory limit of a hook that serves.
    needsContext: env.RESCHEDULE_HOOK_IMAGE === 'true',
  });
}
