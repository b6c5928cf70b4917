import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { COUCHBASE_CLUSTER } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import type { Rig } from './rig.ts';
import { registerThirdParty } from './third-party.ts';

/** Registers somebody else's webhook, which refuses every update of the CouchbaseClusters of one namespace. Does not wait. */
export async function startRefusingWebhook(rig: Rig, namespace: string, message: string): Promise<void> {
  const server = createServer(await rig.authority.issue(), async (request, response) => {
    const { uid } = ((await json(request)) as { request: { uid: string } }).request;
    const refusal = { uid, allowed: false, status: { code: 403, message } };
    const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: refusal };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.atStop(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  await registerThirdParty(rig, { what: 'refusing', namespace, port, resource: COUCHBASE_CLUSTER });
}
