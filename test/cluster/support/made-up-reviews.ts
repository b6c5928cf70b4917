import { connect } from 'node:tls';
import { endWithParent } from '../../../testkit/end-with-parent.ts';
import { aReview } from '../../support/reviews.ts';

/**
 * Without a credential, floods a hook with reviews about pods that do not exist: `PORT CONNECTIONS AT-A-TIME`. Each
 * connection sends so many at a time, and again when they are answered; one that is ended is opened again. Prints a line
 * for each round of all connections. A process of its own, so that it takes no time from the test that measures.
 */
await endWithParent();
const [port = 0, connections = 0, atATime = 0] = process.argv.slice(2).map(Number);
/** As a pod has an address of its own. Linux takes all of 127.0.0.0/8 for loopback. */
const localAddress = process.platform === 'linux' ? { localAddress: '127.0.0.2' } : {};
let count = 0;
let bursts = 0;

function reviews(): string {
  return Array.from({ length: atATime }, () => {
    const name = `nobody-${count++}`;
    const body = JSON.stringify(aReview({ namespace: 'made-up', name }, { metadata: { namespace: 'made-up', name } }));
    const head = 'POST /eviction?timeout=10s HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n';
    return `${head}content-length: ${body.length}\r\n\r\n${body}`;
  }).join('');
}

function attack(): void {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...localAddress });
  let answers = 0;
  const burst = () => {
    answers = 0;
    socket.write(reviews());
  };
  socket.on('secureConnect', burst);
  socket.on('data', (chunk: Buffer) => {
    answers += chunk.toString('latin1').split('HTTP/1.1 200').length - 1;
    if (answers < atATime) return;
    done();
    burst();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    done();
    setImmediate(attack);
  });
}

function done(): void {
  bursts++;
  if (bursts % connections === 0) process.stdout.write(`${bursts}\n`);
}

for (let i = 0; i < connections; i++) attack();
