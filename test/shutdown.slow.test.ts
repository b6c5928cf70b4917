import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { LOG } from '../src/log/messages.ts';
import { reviewOf } from '../testkit/reviews.ts';
import { anEmbeddedHook } from './support/embedded-hook.ts';

const CONNECTIONS = 200;
/** Less than a connection may be quiet while the hook stops. */
const QUIET_MS = 900;
const BODY = reviewOf('default', 'nobody');
const REQUEST = `POST /eviction?timeout=10s HTTP/1.1\r\nhost: hook\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`;

/** What became of one request: it was answered, nobody took the connection, or it was written and lost. */
type Fate = 'answered' | 'refused' | 'lost';

/** A client that keeps its connection as an API server does: it asks on an open one, and opens another if that has ended. */
class Client {
  readonly #port: number;
  #socket: TLSSocket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === 'open';
  }

  async ask(): Promise<Fate> {
    const since = performance.now();
    try {
      if (!this.isConnected) await this.#connect();
    } catch {
      return 'refused';
    }
    // Where this process stood still, the hook may have ended the connection as one that is quiet, before anything was sent.
    const unanswered = performance.now() - since > QUIET_MS ? 'refused' : 'lost';
    const socket = this.#socket as TLSSocket;
    socket.write(REQUEST);
    const answer = await Promise.race([once(socket, 'data'), once(socket, 'close')]).catch(() => []);
    if (!Buffer.isBuffer(answer[0])) return unanswered;
    // As HTTP wants it: nothing more is written into a connection whose end was announced.
    if (/^connection: close\r$/im.test(answer[0].toString())) socket.destroy();
    return 'answered';
  }

  async #connect(): Promise<void> {
    const socket = connect({ port: this.#port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    socket.on('error', () => undefined);
    this.#socket = socket;
  }

  async ended(): Promise<void> {
    if (this.isConnected) await once((this.#socket as TLSSocket).resume(), 'close');
  }

  destroy(): void {
    this.#socket?.destroy();
  }
}

function clientsOf(port: number): Client[] {
  return Array.from({ length: CONNECTIONS }, () => new Client(port));
}

test('idle connections end soon after SIGTERM, while the port still answers', async (t) => {
  const hook = await anEmbeddedHook(t, { env: { SHUTDOWN_DELAY: '1h' } });
  const clients = clientsOf(hook.webhookPort);
  t.after(() => clients.forEach((client) => void client.destroy()));
  assert.deepEqual(new Set(await Promise.all(clients.map((client) => client.ask()))), new Set(['answered']));
  hook.kill('SIGTERM');
  await Promise.all(clients.map((client) => client.ended()));
  const late = new Client(hook.webhookPort);
  t.after(() => late.destroy());
  assert.equal(await late.ask(), 'answered');
});

test('of 200 kept connections that are asked again around the exit, no request is lost', async (t) => {
  // The default. What is idle has ended long before anybody asks again, also on a busy machine.
  const delayMs = 8_000;
  const hook = await anEmbeddedHook(t, { env: { SHUTDOWN_DELAY: `${delayMs / 1000}s` } });
  const clients = clientsOf(hook.webhookPort);
  t.after(() => clients.forEach((client) => void client.destroy()));
  await Promise.all(clients.map((client) => client.ask()));
  hook.kill('SIGTERM');
  await hook.waitForLine(({ message }) => message === LOG.stopping);
  const fates = await Promise.all(
    clients.map(async (client, i) => {
      // One after the other, most of them before the port closes and the last after it, and then each until it is refused.
      await sleep(delayMs - 1_500 + i * 10);
      const own: Fate[] = [];
      while (own.at(-1) !== 'refused') {
        own.push(await client.ask());
        await sleep(100);
      }
      return own;
    }),
  );
  const all = Object.groupBy(fates.flat(), (fate) => fate);
  t.diagnostic(`${all.answered?.length} answered, ${all.refused?.length} refused, ${all.lost?.length ?? 0} lost`);
  assert.equal(all.lost, undefined);
  assert.deepEqual(await hook.exited, { code: 0, signal: null });
});
