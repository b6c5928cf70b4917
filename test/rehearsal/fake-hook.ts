/** A process that starts, logs and ends as the hook does; FAIL makes it end at once. */
import { createServer } from 'node:http';
import { LOG } from '../../src/log/messages.ts';

if (process.env.FAIL) {
  process.stderr.write('cannot start: told not to\n');
  process.exit(3);
}
let asked = 0;
const server = createServer((_, response) => {
  asked++;
  response.writeHead(asked > 2 ? 200 : 503).end(asked > 2 ? 'ok' : 'not ready');
});
server.listen(Number(process.env.HEALTH_PORT), process.env.BIND_ADDRESS, () => {
  const { WEBHOOK_PORT, HEALTH_PORT, GREETING } = process.env;
  process.stdout.write(`${JSON.stringify({ message: LOG.started, WEBHOOK_PORT, HEALTH_PORT, GREETING })}\n`);
});
process.once('SIGTERM', () => {
  process.stdout.write(`${JSON.stringify({ message: LOG.stopped, asked })}\n`);
  server.close();
  server.closeAllConnections();
});
