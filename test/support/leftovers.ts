/** Runs the hook. Its last line has the number of timers that would keep the process from ending. */
import { main } from '../../src/main.ts';

process.exitCode = await main(process.argv.slice(2), process.env);
const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
process.stdout.write(`${JSON.stringify({ message: 'left', timers })}\n`);
