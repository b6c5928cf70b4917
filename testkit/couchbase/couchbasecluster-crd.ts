import type { ApiClient } from '../../src/kube/client.ts';
import { NotYet, type UntilOptions, until } from '../until.ts';

/** A kind of custom resource, in the API server's terms. */
export interface ResourceKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
}

export const COUCHBASE_CLUSTER: ResourceKind = {
  group: 'couchbase.com',
  version: 'v2',
  kind: 'CouchbaseCluster',
  plural: 'couchbaseclusters',
};

export const apiVersionOf = ({ group, version }: ResourceKind) => `${group}/${version}`;

/** The path of the collection in one namespace; with `name`, of one object. */
export function resourcePath(kind: ResourceKind, namespace: string, name?: string): string {
  const collection = `/apis/${kind.group}/${kind.version}/namespaces/${encodeURIComponent(namespace)}/${kind.plural}`;
  return name === undefined ? collection : `${collection}/${encodeURIComponent(name)}`;
}

/**
 * The parts of a definition that a rehearsal needs, without a further schema. Like the real one, it has no status
 * subresource. So a write to the status changes the resourceVersion that guards entries.
 */
export function clusterDefinition({ group, version, kind, plural }: ResourceKind = COUCHBASE_CLUSTER) {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
  const process = { type: 'string', enum: ['SwapRebalance', 'InPlaceUpgrade', 'DeltaRecovery'] } as const;
  const spec = {
    ...open,
    properties: {
      size: { type: 'integer', minimum: 0 },
      paused: { type: 'boolean' },
      upgradeProcess: process,
      upgrade: { ...open, properties: { upgradeProcess: process } },
    },
  };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status: open } } },
        },
      ],
    },
  };
}

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';

/** Installs or replaces the definition, and waits until the API server serves objects of that kind. */
export async function installClusterDefinition(
  client: ApiClient,
  kind: ResourceKind = COUCHBASE_CLUSTER,
  options: UntilOptions = {},
): Promise<void> {
  const body = clusterDefinition(kind);
  const path = `${DEFINITIONS}/${body.metadata.name}`;
  await client.json({
    method: 'PATCH',
    path,
    query: { fieldManager: 'rehearsal', force: true },
    contentType: 'application/apply-patch+yaml',
    body,
  });
  const established = async () => {
    const { status } = (await client.json({ method: 'GET', path })) as { status?: { conditions?: Condition[] } };
    const isEstablished = status?.conditions?.some(({ type, status }) => type === 'Established' && status === 'True');
    if (!isEstablished) throw new NotYet('the condition Established is not True');
    // The condition Established comes a moment before the path is served.
    await client.json({ method: 'GET', path: `/apis/${kind.group}/${kind.version}/${kind.plural}` });
  };
  await until(`the custom resource ${body.metadata.name}`, established, options);
}

/** Removes the definition with every object of that kind, and waits until it is gone. */
export async function removeClusterDefinition(
  client: ApiClient,
  kind: ResourceKind = COUCHBASE_CLUSTER,
): Promise<void> {
  const path = `${DEFINITIONS}/${kind.plural}.${kind.group}`;
  await client.json({ method: 'DELETE', path });
  await until(`the end of ${kind.plural}`, async () => {
    const { items } = (await client.json({ method: 'GET', path: DEFINITIONS })) as { items?: Named[] };
    if (items?.some(({ metadata }) => metadata?.name === `${kind.plural}.${kind.group}`))
      throw new NotYet('still there');
  });
}

interface Condition {
  readonly type?: string;
  readonly status?: string;
}

interface Named {
  readonly metadata?: { readonly name?: string };
}
