/** Runs the hook. On SIGUSR2 it rejects a promise that no code handles. */
import { serve } from '../../src/main.ts';

process.on('SIGUSR2', () => void Promise.reject(new Error('nobody waits for this')));
process.exitCode = await serve(process.env);
