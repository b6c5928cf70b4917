import type { JsonObject } from '../../src/kube/client.ts';
import { type PreflightWorld, preflight } from '../../src/preflight/command.ts';
import { parsePreflight } from '../../src/preflight/flags.ts';
import type { Handshake } from '../../src/preflight/forecast/installation.ts';
import { createAuthority } from '../../testkit/certificates.ts';
import { FakeApi } from '../support/api.ts';
import { NOW } from '../support/builders.ts';
import { aRawCluster, aRawNode, aRawPod } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

export const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
export const DEPLOYMENTS = '/apis/apps/v1/namespaces/hooks/deployments';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/hooks/endpointslices';
const SERVICE = '/api/v1/namespaces/hooks/services/hook';

const AUTHORITY = await createAuthority();

const EVICTIONS = [
  { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods/eviction'], scope: 'Namespaced' },
];

export const webhook = (more: JsonObject = {}): JsonObject => ({
  name: 'hook.hooks.svc',
  clientConfig: { service: { namespace: 'hooks', name: 'hook' }, caBundle: AUTHORITY.caBundle },
  rules: EVICTIONS,
  namespaceSelector: {},
  objectSelector: {},
  failurePolicy: 'Fail',
  ...more,
});

export const registration = (webhooks: readonly JsonObject[] = [webhook()], more: JsonObject = {}): JsonObject => ({
  metadata: { name: 'ours', labels: { 'app.kubernetes.io/name': 'reschedule-hook' }, ...more },
  webhooks,
});

export const deployment = (env: readonly JsonObject[] = [], spec: JsonObject = {}, container: JsonObject = {}) => ({
  metadata: { name: 'hook', namespace: 'hooks' },
  spec: {
    template: {
      metadata: { labels: { app: 'hook', 'app.kubernetes.io/name': 'reschedule-hook' } },
      spec: { containers: [{ image: 'registry/hook:1.2.3', env, ...container }], ...spec },
    },
  },
});

export const room = { status: { allocatable: { cpu: '4', memory: '8Gi', pods: '10' } } };

/** Two nodes, the member `cb-0000` on the first, and a hook with two replicas. */
export function aCluster(): FakeApi {
  const api = new FakeApi();
  const lists: Readonly<Record<string, readonly JsonObject[]>> = {
    [REGISTRATIONS]: [registration()],
    [DEPLOYMENTS]: [deployment()],
    [SLICES]: [{ endpoints: [{ conditions: { ready: true } }, { conditions: { ready: false } }] }],
    '/api/v1/pods': [aRawPod()],
    '/api/v1/nodes': ['node-1', 'node-2'].map((name) => ({ ...aRawNode({ metadata: { name, uid: name } }), ...room })),
    '/apis/policy/v1/poddisruptionbudgets': [],
    '/api/v1/persistentvolumeclaims': [],
    '/api/v1/persistentvolumes': [],
    '/api/v1/namespaces': [{ metadata: { name: 'db', uid: 'uid-db', resourceVersion: '1', labels: { team: 'a' } } }],
    '/apis/couchbase.com/v2/couchbaseclusters': [aRawCluster()],
  };
  for (const [path, items] of Object.entries(lists)) api.lists.set(path, items);
  api.put(SERVICE, { spec: { selector: { app: 'hook' } } });
  api.put('/version', { gitVersion: 'v1.36.0' });
  api.put('/api/v1/namespaces/db/pods/cb-0000', aRawPod());
  for (const name of ['node-1', 'node-2'])
    api.put(`/api/v1/nodes/${name}`, aRawNode({ metadata: { name, uid: name } }));
  api.put('/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb', aRawCluster());
  return api;
}

export interface Ran {
  readonly code: number;
  readonly printed: string;
  readonly complaints: readonly string[];
}

export async function run(
  args: readonly string[],
  client: FakeApi = aCluster(),
  handshake: Handshake = { kind: 'verified', until: '2026-02-01T00:00:00.000Z' },
  more: Partial<PreflightWorld> = {},
): Promise<Ran> {
  const clock = new FakeClock();
  const printed: string[] = [];
  const complaints: string[] = [];
  const code = await preflight(parsePreflight(args, 'hook preflight'), {
    client,
    clock: {
      now: () => NOW,
      monotonicNow: clock.monotonicNow,
      setTimer: (callback, ms) => clock.setTimer(callback, ms),
      giveWay: () => clock.giveWay(),
    },
    random: () => 0,
    env: {},
    readFile: () => '',
    version: '1.2.3',
    print: (text) => void printed.push(text),
    complain: (line) => void complaints.push(line),
    stop: new AbortController().signal,
    shakeHands: async () => handshake,
    ...more,
  });
  return { code, printed: printed.join(''), complaints };
}
