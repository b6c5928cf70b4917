import { permissionsOf } from '../../../src/kube/permissions.ts';
import { couchbaseCluster } from '../../../src/policy/tracking/couchbasecluster.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import type { Rig } from './rig.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const PATIENCE = { everyMs: 200 };
const RULES = permissionsOf({ tracking: couchbaseCluster }).map(({ group, resource, verb }) => ({
  apiGroups: [group],
  resources: [resource],
  verbs: [verb],
}));

/** A ServiceAccount that may do what the hook does, with tokens that can be revoked. */
export interface Identity {
  /** A token bound to a Secret of that name, which is created. */
  newToken(secret: string): Promise<string>;
  /** Deletes the Secret, and waits until the API server refuses the token: it believes one for some seconds more. */
  revoke(secret: string): Promise<void>;
  bind(): Promise<void>;
  unbind(): Promise<void>;
}

export async function anIdentity({ client }: Rig, name: string): Promise<Identity> {
  const home = '/api/v1/namespaces/default';
  const metadata = { name };
  const tokens = new Map<string, string>();
  const identity: Identity = {
    async newToken(secret) {
      const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: `${name}-${secret}` } };
      const made = await client.json({ method: 'POST', path: `${home}/secrets`, body });
      const { uid } = made.metadata as { uid: string };
      const boundObjectRef = { apiVersion: 'v1', kind: 'Secret', name: body.metadata.name, uid };
      const answer = await client.json({
        method: 'POST',
        path: `${home}/serviceaccounts/${name}/token`,
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: { boundObjectRef, expirationSeconds: 3600 },
        },
      });
      const { token } = answer.status as { token: string };
      tokens.set(secret, token);
      return token;
    },
    async revoke(secret) {
      await client.json({ method: 'DELETE', path: `${home}/secrets/${name}-${secret}` });
      const body = {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: tokens.get(secret) ?? '' },
      };
      await until(
        'the token to be refused',
        async () => {
          const review = { method: 'POST', path: '/apis/authentication.k8s.io/v1/tokenreviews', body } as const;
          const { authenticated } = (await client.json(review)).status as { authenticated?: boolean };
          if (authenticated) throw new NotYet('still accepted');
        },
        PATIENCE,
      );
    },
    async bind() {
      await client.json({
        method: 'POST',
        path: `${RBAC}/clusterrolebindings`,
        body: {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata,
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
          subjects: [{ kind: 'ServiceAccount', namespace: 'default', name }],
        },
      });
    },
    async unbind() {
      await client.json({ method: 'DELETE', path: `${RBAC}/clusterrolebindings/${name}` });
    },
  };
  await client.json({
    method: 'POST',
    path: `${home}/serviceaccounts`,
    body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
  });
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules: RULES };
  await client.json({ method: 'POST', path: `${RBAC}/clusterroles`, body: role });
  await identity.bind();
  return identity;
}
