/** Paths of single objects. Every part is encoded: names can come from a request that somebody made up. */
export const podPath = (namespace: string, name: string) =>
  `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;

export const nodePath = (name: string) => `/api/v1/nodes/${encodeURIComponent(name)}`;

/** `namespace` is undefined for a cluster-scoped resource. */
export function objectPath(apiPath: string, plural: string, namespace: string | undefined, name: string): string {
  const scope = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${apiPath}${scope}/${plural}/${encodeURIComponent(name)}`;
}
