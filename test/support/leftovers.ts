/** Runs the hook, and says as its last line what would keep its process from ending: timers, in `timers`. */
import { main } from '../../src/main.ts';

process.exitCode = await main(process.argv.slice(2), process.env);
const timers = process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
process.stdout.write(`${JSON.stringify({ message: 'left', timers })}\n`);
