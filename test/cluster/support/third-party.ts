import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { Rig } from './rig.ts';

/** A webhook of somebody else, for updates in one namespace. */
export interface ThirdParty {
  /** `slow` or `refusing`: names it. */
  readonly what: string;
  readonly namespace: string;
  readonly resource: { readonly group: string; readonly version: string; readonly plural: string };
  readonly timeoutSeconds?: number;
  /** Told of each review. */
  review(asked: Asked): void;
}

export interface Asked {
  /** Of the object. */
  readonly name: string;
  /** `refusal`: why it is not allowed. */
  answer(refusal?: string): void;
  /** Told when the answer is out, or nobody waits for it any more. */
  onClose(act: () => void): void;
}

interface Review {
  readonly request: { readonly uid: string; readonly name: string };
}

/** Starts it on loopback and registers it; does not wait until it is asked. Ends with the rig. */
export async function startThirdParty(rig: Rig, options: ThirdParty): Promise<void> {
  const server = createServer(await rig.authority.issue(), async (request, response) => {
    const { uid, name } = ((await json(request)) as Review).request;
    options.review({
      name,
      answer(refusal) {
        const status = refusal === undefined ? {} : { status: { code: 403, message: refusal } };
        const answer = { uid, allowed: refusal === undefined, ...status };
        const body = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: answer };
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      },
      onClose: (act) => void response.on('close', act),
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  rig.atStop(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  await register(rig, (server.address() as AddressInfo).port, options);
}

async function register({ client, authority }: Rig, port: number, options: ThirdParty): Promise<void> {
  const { what, namespace, resource, timeoutSeconds } = options;
  const { group, version, plural } = resource;
  await client.json({
    method: 'POST',
    path: '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations',
    body: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: `${what}-${namespace}` },
      webhooks: [
        {
          name: `${what}.third-party.example`,
          clientConfig: { url: `https://127.0.0.1:${port}/`, caBundle: authority.caBundle },
          rules: [{ apiGroups: [group], apiVersions: [version], operations: ['UPDATE'], resources: [plural] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
          admissionReviewVersions: ['v1'],
          sideEffects: 'None',
          failurePolicy: 'Fail',
          ...(timeoutSeconds && { timeoutSeconds }),
        },
      ],
    },
  });
}
