import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { describe, it, type TestContext } from 'node:test';
import { freePorts } from '../../testkit/ports.ts';

const PORTS = new URL('../../testkit/ports.ts', import.meta.url).href;
/** So many that two processes that chose at random would choose one twice. */
const MANY = 400;

/** Another process that takes that many ports, listens on none of them, and lives until the test ends. */
async function portsOfAnother(t: TestContext): Promise<number[]> {
  const script = `console.log(JSON.stringify(await (await import('${PORTS}')).freePorts(${MANY}))); process.stdin.resume()`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error('the process ended without an answer');
}

describe('free ports', () => {
  it('are given once, to whichever process asks', async (t) => {
    const taken = await Promise.all([portsOfAnother(t), portsOfAnother(t), freePorts(MANY), freePorts(MANY)]);
    const all = taken.flat();
    assert.equal(all.length, 4 * MANY);
    assert.equal(new Set(all).size, all.length);
  });

  it('are passed over where somebody listens who did not ask', async (t) => {
    const [port = 0] = await freePorts(1);
    const stranger = createServer();
    t.after(() => stranger.close());
    const listening = once(stranger, 'listening');
    stranger.listen({ host: '127.0.0.1', port: port + 1 });
    await listening;
    assert.ok(!(await freePorts(2)).includes(port + 1));
  });
});
