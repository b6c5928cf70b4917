import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { REGISTRATIONS, registrationPath } from '../../../src/kube/paths.ts';
import { createAuthority } from '../../../testkit/certificates.ts';
import type { Play } from '../play.ts';

/** Refuses evictions beside the hook, as an operator's own webhook does. */
export interface Rival {
  readonly name: string;
  readonly code: 403 | 500;
  readonly message: string;
}

/** As the Strimzi Drain Cleaner (its ValidatingWebhook.java), and as Aerospike's own webhook (its eviction_webhook.go). */
export const DRAIN_CLEANER: Rival = { name: 'drain-cleaner.rival.test', code: 500, message: 'The pod will be rolled' };
export const SAFE_EVICTION: Rival = { name: 'safe-eviction.rival.test', code: 403, message: 'The eviction is blocked' };

/**
 * Drains while another webhook refuses the same evictions. The API server passes on the refusal that comes first. The operator
 * is held until the drain is over: a pod that it moves would end the drain by its absence.
 */
export const drainBeside =
  (rival: Rival) =>
  async (play: Play): Promise<void> => {
    const endPause = await play.options.pause.begin();
    await startRival(play, rival);
    play.log(`registers the webhook ${rival.name}, which answers ${rival.code}`);
    const node = play.node();
    const code = await play.drain(node, { heldFor: 0 });
    const complaint = play.drains.at(-1)?.complaint ?? 'nothing';
    play.expect('the drainer gave a pod up, and ended with an error', code !== 0, `exit code ${code}`);
    const isNamed = complaint.includes(rival.name) || complaint.includes(rival.message);
    play.expect('what it complained of is the other webhook', isNamed, `it complained of ${complaint}`);
    endPause();
  };

async function startRival(play: Play, { name, code, message }: Rival): Promise<void> {
  const { model, cluster } = play.place;
  const authority = await createAuthority();
  const server = createServer(await authority.issue(), async (request, response) => {
    const { uid, name: pod } = ((await json(request)) as { request: { uid: string; name: string } }).request;
    const isMember = model.indexOf(cluster, pod) !== undefined;
    const refusal = isMember ? { uid, allowed: false, status: { code, message } } : { uid, allowed: true };
    const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: refusal };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { cleanup } = play.options;
  cleanup.defer(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  const webhook = {
    name,
    clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: authority.caBundle },
    rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'], scope: '*' }],
    namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': play.namespace } },
    admissionReviewVersions: ['v1'],
    failurePolicy: 'Ignore',
    sideEffects: 'None',
  };
  const registration = `${play.namespace}-${name}`;
  const body = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    metadata: { name: registration },
    webhooks: [webhook],
  };
  await play.client.json({ method: 'POST', path: REGISTRATIONS, body });
  cleanup.defer(async () => {
    await play.client.json({ method: 'DELETE', path: registrationPath(registration) }).catch(() => undefined);
  });
}
