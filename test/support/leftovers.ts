/** Runs the hook. Its last line has the number of timers that would keep the process from ending. */
import { serve } from '../../src/main.ts';

process.exitCode = await serve(process.env);
const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
process.stdout.write(`${JSON.stringify({ message: 'left', timers })}\n`);
