/**
 * Paths of single objects. Every part is encoded, and `.` and `..` throw, because a forged request can contain any
 * name.
 */
export const podPath = (namespace: string, name: string) =>
  `/api/v1/namespaces/${segment(namespace)}/pods/${segment(name)}`;

export const nodePath = (name: string) => `/api/v1/nodes/${segment(name)}`;

/** Of the Namespace itself. */
export const namespacePath = (name: string) => `/api/v1/namespaces/${segment(name)}`;

/** Of all ValidatingWebhookConfigurations. */
export const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';

/** The one that names an installation of the hook to the API server. */
export const registrationPath = (name: string) => `${REGISTRATIONS}/${segment(name)}`;

/** `namespace` is undefined for a cluster-scoped resource. */
export function objectPath(apiPath: string, plural: string, namespace: string | undefined, name: string): string {
  return `${collectionPath(apiPath, plural, namespace)}/${segment(name)}`;
}

/** Of all objects of a kind, in a namespace or, if it is undefined, in the cluster. */
export function collectionPath(apiPath: string, plural: string, namespace: string | undefined): string {
  const scope = namespace === undefined ? '' : `/namespaces/${segment(namespace)}`;
  return `${apiPath}${scope}/${plural}`;
}

/** The path of an object that carries entries. */
export function trackerPath({ resource, namespace, name }: TrackerObject): string {
  return objectPath(resource.apiPath, resource.plural, namespace, name);
}

interface TrackerObject {
  readonly resource: { readonly apiPath: string; readonly plural: string };
  readonly namespace?: string;
  readonly name: string;
}

/** The plural of the resource in a path, such as `pods`, wherever the object's name stands. */
export function resourceOf(path: string): string {
  const parts = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
  return (parts[0] === 'namespaces' && parts[2] !== undefined ? parts[2] : parts[0]) ?? 'discovery';
}

/** The namespace in a path, also of the Namespace itself; empty if there is none. */
export function namespaceOf(path: string): string {
  return /^\/apis?\/(?:[^/]+\/){1,2}namespaces\/([^/]+)/.exec(path)?.[1] ?? '';
}

/** Splits the path of a single object into the path and plural of its kind (see `isServed`), and its name. */
export function splitPath(path: string): { apiPath: string; plural: string; name: string } {
  const parts = path.split('/');
  const apiPath = parts.slice(0, path.startsWith('/apis/') ? 4 : 3).join('/');
  return { apiPath, plural: resourceOf(path), name: decodeURIComponent(parts.at(-1) ?? '') };
}

function segment(name: string): string {
  if (name === '.' || name === '..') throw new Error(`"${name}" is not the name of an object`);
  return encodeURIComponent(name);
}
