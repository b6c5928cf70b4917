import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import { request } from 'node:https';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { loadPair, openFiles } from '../../src/certificates/certificate-files.ts';
import type { Pair } from '../../src/certificates/certificate-source.ts';
import { expiryOf } from '../../src/certificates/pem.ts';
import { LOG } from '../../src/log/messages.ts';
import { createWebhookServer, useCertificate } from '../../src/server/https-server.ts';
import { createAuthority } from '../../testkit/certificates.ts';
import { aLog } from '../support/log.ts';
import { serve } from '../support/loopback.ts';
import { mockTime, NEVER_MS, until } from '../support/time.ts';

const NOW = Date.now();
const authority = await createAuthority();
const first = await authority.issue();
const second = await authority.issue({ notAfter: new Date('2099-01-01T00:00:00Z') });

const pairOf = ({ cert, key }: Pair): Pair => ({ cert, key });

function files(t: TestContext, { cert, key }: { cert: string; key: string } = first) {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const certFile = join(folder, 'tls.crt');
  const keyFile = join(folder, 'tls.key');
  const write = (pair: { cert: string; key: string }) => {
    writeFileSync(certFile, pair.cert);
    writeFileSync(keyFile, pair.key);
  };
  write({ cert, key });
  return { folder, certFile, keyFile, write };
}

describe('loadPair', () => {
  test('reads a pair that fits', async (t) => {
    const { certFile, keyFile } = files(t);
    assert.deepEqual(await loadPair({ certFile, keyFile }, NOW), { cert: first.cert, key: first.key, authorities: '' });
  });

  test('names the setting and the file that cannot be read', async (t) => {
    const { certFile, keyFile } = files(t);
    await assert.rejects(
      loadPair({ certFile: '/nowhere/tls.crt', keyFile }, NOW),
      /^Error: TLS_CERT_FILE: cannot read \/nowhere/,
    );
    await assert.rejects(
      loadPair({ certFile, keyFile: '/nowhere/tls.key' }, NOW),
      /^Error: TLS_KEY_FILE: cannot read \/nowhere/,
    );
  });

  test('reads them again where a mounted Secret was swapped between the certificate and its key', async (t) => {
    const { certFile, keyFile, write } = files(t);
    const swapped = Promise.withResolvers<void>();
    const read = fs.readFile;
    t.mock.method(fs, 'readFile', async (path: string, encoding: 'utf-8') => {
      if (path === keyFile) await swapped.promise;
      const content = await read(path, encoding);
      if (path === certFile) {
        write(second);
        swapped.resolve();
      }
      return content;
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    assert.deepEqual(await loadPair({ certFile, keyFile }, NOW), { ...pairOf(second), authorities: '' });
  });

  for (const [what, pair] of [
    ['the key of another certificate', { cert: first.cert, key: second.key }],
    ['an empty certificate', { cert: '', key: first.key }],
    ['an empty key', { cert: first.cert, key: '' }],
    ['two empty files', { cert: '', key: '' }],
    ['files that were swapped', { cert: first.key, key: first.cert }],
    ['text that is no PEM', { cert: 'certificate', key: 'key' }],
    ['a certificate that was cut', { cert: first.cert.slice(0, 200), key: first.key }],
  ] as const) {
    test(`refuses ${what}, and names both files`, async (t) => {
      const { certFile, keyFile } = files(t, pair);
      await assert.rejects(loadPair({ certFile, keyFile }, NOW), (error: Error) => {
        return error.message.startsWith(`TLS_CERT_FILE ${certFile} and TLS_KEY_FILE ${keyFile} do not work together: `);
      });
    });
  }
});

test('expiryOf is the end of the validity', () => {
  assert.equal(expiryOf(second.cert), Date.parse('2099-01-01T00:00:00.000Z'));
});

/** A watch on the files, on a clock that the test moves in steps of the five seconds between two looks. */
async function aWatch(t: TestContext, onChange?: (pair: Pair) => void) {
  const clock = mockTime(t);
  const { advance } = clock;
  const here = files(t);
  const log = aLog();
  const changes: Pair[] = [];
  const source = await openFiles(here, log, clock);
  source.start((next) => {
    onChange?.(next);
    changes.push(next);
  });
  const end = () => source.stop();
  t.after(end);
  const look = () => advance(5_000);
  /** A look that comes while the one before still reads its files is left out: so looks go on until one has seen it. */
  const lookUntil = async (condition: () => boolean, what: string) => {
    const giveUpAt = performance.now() + NEVER_MS;
    while (!condition() && performance.now() < giveUpAt) await look();
    assert.ok(condition(), `never came: ${what}`);
  };
  return { ...here, source, log, changes, end, look, lookUntil };
}

describe('openFiles', () => {
  test('hands on a new pair once, and says until when it is valid', async (t) => {
    const { write, look, lookUntil, changes, log, source } = await aWatch(t);
    assert.deepEqual([source.current(), source.notReady()], [{ ...pairOf(first), authorities: '' }, undefined]);
    await look();
    assert.deepEqual(changes, []);
    write(second);
    await lookUntil(() => changes.length > 0, 'the new certificate');
    await look();
    assert.deepEqual(changes, [{ ...pairOf(second), authorities: '' }]);
    assert.deepEqual(source.current(), changes[0]);
    assert.deepEqual(source.expiries(), [{ certificate: 'serving', at: Date.parse('2099-01-01T00:00:00Z') }]);
    const fields = { expires: '2099-01-01T00:00:00.000Z' };
    const told = () => log.lines.filter(({ level }) => level === 'info');
    await until(() => told().length > 0, 'the log line');
    assert.deepEqual(told(), [{ level: 'info', message: LOG.certificateLoaded, fields }]);
  });

  test('sees a mounted Secret change, which swaps a symbolic link', async (t) => {
    const { folder, certFile, write, lookUntil, changes } = await aWatch(t);
    write(second);
    renameSync(certFile, join(folder, 'real'));
    symlinkSync('real', certFile);
    await lookUntil(() => changes.length > 0, 'the new certificate');
  });

  test('hands on nothing while the pair does not fit, says so once, and takes it once it does', async (t) => {
    const { certFile, write, lookUntil, changes, log } = await aWatch(t);
    for (const cert of [second.cert, second.cert]) {
      writeFileSync(certFile, cert);
      await lookUntil(() => log.lines.length > 0, 'the warning');
    }
    unlinkSync(certFile);
    await lookUntil(() => log.lines.length > 1, 'another warning');
    assert.deepEqual(log.messages('warn'), [LOG.certificateFailed, LOG.certificateFailed]);
    assert.deepEqual(changes, []);
    write(second);
    await lookUntil(() => changes.length === 1, 'the new certificate');
  });

  test('tries again where the server would not take it', async (t) => {
    let refusals = 1;
    const { write, lookUntil, changes, log } = await aWatch(t, () => {
      if (refusals-- > 0) throw new Error('not now');
    });
    write(second);
    await lookUntil(() => log.lines.length > 0, 'the warning');
    assert.deepEqual(log.lines[0]?.fields, { error: 'not now' });
    await lookUntil(() => changes.length === 1, 'the new certificate');
  });

  test('looks no more once it has ended', async (t) => {
    const { write, look, changes, end } = await aWatch(t);
    await end();
    write(second);
    await look();
    assert.deepEqual(changes, []);
  });
});

test('a server that was given a new certificate serves it to the next connection', async (t) => {
  const server = createWebhookServer((_request, response) => response.end(), first);
  const port = await serve(t, server);
  const served = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const asking = request({ host: '127.0.0.1', port, ca: authority.ca, agent: false }, (response) => {
      resolve((response.socket as TLSSocket).getPeerCertificate().valid_to);
      response.resume();
    });
    asking.on('error', reject).end();
    return promise;
  };
  assert.doesNotMatch(await served(), /2099/);
  useCertificate(server, second);
  assert.match(await served(), /2099/);
});
