import { WITHDRAWN_AFTER_MS } from '../../../src/policy/entry-lifecycle.ts';

/**
 * Loaded before the hook: a wait of minutes is over at once. At each SIGUSR2 its monotonic clock stands further on by what an
 * entry is kept after its mark was taken away. Timers keep their pace.
 */
const now = performance.now.bind(performance);
let ahead = 0;

performance.now = () => now() + ahead;
process.on('SIGUSR2', () => {
  ahead += WITHDRAWN_AFTER_MS;
  process.stdout.write(`${JSON.stringify({ message: 'the clock was put on' })}\n`);
});
