import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { apiVersionOf, type ResourceKind, resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import { type ClusterView, clusterOwner, type OwnerReference } from '../../testkit/couchbase/member.ts';

/**
 * The controller owner of new members: the custom resource, or an object of the other kind that has its name and belongs to
 * it. That object is created if there is none.
 */
export async function ownerOf(
  client: ApiClient,
  cluster: ClusterView,
  kind: ResourceKind,
  ownerKind: ResourceKind | undefined,
): Promise<OwnerReference> {
  const own = clusterOwner(cluster, kind);
  if (ownerKind === undefined) return own;
  const { namespace, name } = cluster;
  const body = {
    apiVersion: apiVersionOf(ownerKind),
    kind: ownerKind.kind,
    metadata: { namespace, name, ownerReferences: [own] },
    spec: {},
  };
  const path = resourcePath(ownerKind, namespace);
  const found = await client.json({ method: 'POST', path, body }).catch((error: unknown): Promise<JsonObject> => {
    if (!(error instanceof ApiError) || error.code !== 409) throw error;
    return client.json({ method: 'GET', path: resourcePath(ownerKind, namespace, name) });
  });
  const { uid = '' } = found.metadata as { readonly uid?: string };
  return { ...own, apiVersion: body.apiVersion, kind: body.kind, uid };
}
