import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { type RequestOptions, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import * as x509 from '@peculiar/x509';
import { issue } from '../../src/certificates/issuing.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { createAccessCheck, rememberAuthorities } from '../../src/server/client-certificates.ts';
import { Deadlines } from '../../src/server/deadlines.ts';
import { createWebhookServer, useCertificate } from '../../src/server/https-server.ts';
import { createApp } from '../../src/server/webhook-app.ts';
import { createAuthority, type Serving } from '../../testkit/certificates.ts';
import { aLog } from './log.ts';
import { serve } from './loopback.ts';
import { aReview } from './reviews.ts';
import { FakeClock } from './time.ts';

export const own = await createAuthority('own');
export const clients = await createAuthority('clients');
export const others = await createAuthority('others');
export const serving = await own.issue();
export const client = await clients.issue({ usage: 'client', name: 'kube-apiserver' });
export const ended = await clients.issue({ usage: 'client', notAfter: new Date(Date.now() - 1000) });
export const forServers = await clients.issue({ usage: 'server' });
export const stranger = await others.issue({ usage: 'client', name: 'kube-apiserver' });

/** A root that signs only intermediates, and a client with a chain of `length` intermediates, as PEM. */
export async function aChain(length: number) {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const authorities: Serving[] = [];
  let above: { subject: string; keys: webcrypto.CryptoKeyPair } | undefined;
  for (let i = 0; i <= length; i++) {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const subject = `CN=level ${i}`;
    const certificate = await x509.X509CertificateGenerator.create({
      ...{ serialNumber: `0${i + 1}`, subject, issuer: above?.subject ?? subject, ...validity },
      ...{ signingAlgorithm: algorithm, publicKey: keys.publicKey, signingKey: (above?.keys ?? keys).privateKey },
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
    authorities.push({ cert: `${certificate.toString('pem')}\n`, key });
    above = { subject, keys };
  }
  const [root, ...between] = authorities;
  const last = authorities.at(-1);
  assert.ok(root && last);
  const leaf = await issue(last, { name: 'kube-apiserver', usage: 'client', ...validity });
  return { root: root.cert, between: between.map(({ cert }) => cert), leaf };
}

/** The webhook with its access check, over TLS on loopback. */
export async function aGuarded(t: TestContext, names: readonly string[] = [], authorities = clients.ca) {
  const bundle = { pem: authorities };
  const current = () => bundle.pem;
  const clientCa = { current, ...rememberAuthorities(current) };
  const log = aLog();
  const asked: EvictionRequest[] = [];
  const app = createApp({
    admit: async (one) => {
      asked.push(one);
      return { kind: 'allow', rule: '3', reason: 'NotSelected' };
    },
    mayAsk: createAccessCheck(clientCa, names),
    deadlines: new Deadlines(new FakeClock()),
    notReady: () => undefined,
    details: () => [],
    isStopping: () => false,
    log,
  });
  const server = createWebhookServer(app.callback(), serving, bundle.pem);
  clientCa.attend(server);
  const port = await serve(t, server);
  const ask = async (pair: Serving | undefined, options: RequestOptions = {}) => {
    const asking = request({
      ...{ host: '127.0.0.1', port, ca: own.ca, agent: false, method: 'POST', path: '/eviction' },
      headers: { 'content-type': 'application/json' },
      ...pair,
      ...options,
    });
    asking.end(options.method === 'GET' ? '' : JSON.stringify(aReview()));
    const [response] = await once(asking, 'response');
    const body = await text(response);
    const isReused = (response.socket as TLSSocket | null)?.isSessionReused();
    return { status: response.statusCode, body, isReused, connection: response.headers.connection };
  };
  const change = (pem: string) => {
    bundle.pem = pem;
    useCertificate(server, serving, pem);
  };
  /** Sends a request over a connection that the test opened. */
  const askOver = (socket: TLSSocket) => ask(undefined, { agent: undefined, createConnection: () => socket });
  return { ask, askOver, asked, log, port, server, change };
}
