/** The hook itself, as its image has it: bin/reschedule-hook.js would run the sources of a checkout. */
import { serve } from '../../src/main.ts';

process.exitCode = await serve(process.env);
