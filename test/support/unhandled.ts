/** Runs the hook, and rejects a promise that nobody waits for when it gets SIGUSR2. */
import { main } from '../../src/main.ts';

process.on('SIGUSR2', () => void Promise.reject(new Error('nobody waits for this')));
process.exitCode = await main(process.argv.slice(2), process.env);
