import { createLog } from '../../src/log/logger.ts';
import { endLog } from '../../src/main.ts';

/** Writes far more than anybody reads, and says on standard error what became of it. */
const LINES = 8_000;

const log = createLog('info', 'json', process.stdout);
for (let i = 0; i < LINES; i++) log.info('a line', { i, text: 'x'.repeat(900) });
process.stderr.write(`${JSON.stringify({ lost: log.linesLost(), kept: process.stdout.writableLength })}\n`);
await endLog(log, 7);
process.exitCode = 7;
