import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { connect, createServer } from 'node:tls';
import { createAuthority, type Serving, writeServing } from '../../testkit/certificates.ts';

/** Connects with TLS to a server that has this certificate; resolves to undefined, or to what is wrong with it. */
async function handshake(t: TestContext, serving: Serving, ca: string, servername: string) {
  const server = createServer({ ...serving }, (socket) => socket.end());
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = servername === '127.0.0.1' ? {} : { servername };
  const socket = connect({ host: '127.0.0.1', port, ca, ...options });
  try {
    await once(socket, 'secureConnect');
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  } finally {
    socket.destroy();
  }
}

describe('certificates of a rehearsal', () => {
  it('serve localhost and 127.0.0.1 for those who trust the authority', async (t) => {
    const authority = await createAuthority();
    const serving = await authority.issue();
    assert.equal(await handshake(t, serving, authority.ca, 'localhost'), undefined);
    assert.equal(await handshake(t, serving, authority.ca, '127.0.0.1'), undefined);
    assert.equal(await handshake(t, serving, authority.ca, 'elsewhere.example'), 'ERR_TLS_CERT_ALTNAME_INVALID');
    const other = await createAuthority();
    assert.notEqual(await handshake(t, serving, other.ca, 'localhost'), undefined);
    assert.equal(Buffer.from(authority.caBundle, 'base64').toString(), authority.ca);
  });

  it('can be expired', async (t) => {
    const authority = await createAuthority();
    const serving = await authority.issue({ notBefore: new Date(0), notAfter: new Date(1_000_000) });
    assert.equal(await handshake(t, serving, authority.ca, 'localhost'), 'CERT_HAS_EXPIRED');
  });

  it('are written to files that only the user may read', async (t) => {
    const dir = await mkdtemp(join(tmpdir(), 'certificates-'));
    t.after(() => rm(dir, { recursive: true }));
    const serving = await (await createAuthority()).issue({ hosts: ['hook.example'] });
    const { certFile, keyFile } = await writeServing(join(dir, 'new'), serving);
    assert.equal(await readFile(certFile, 'utf8'), serving.cert);
    assert.equal(await readFile(keyFile, 'utf8'), serving.key);
    assert.equal((await stat(keyFile)).mode & 0o777, 0o600);
  });
});
