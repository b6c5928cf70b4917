import { createHash } from 'node:crypto';
import { ENTRY_PREFIX } from '../entry.ts';
import type { Tracker } from '../model.ts';
import { type Tracking, trackingOf } from './tracking.ts';

/** The namespace of the hook, and the name of its registration. */
export interface Home {
  readonly namespace: string;
  readonly installation: string;
}

const LABEL = 'reschedule.hook/installation';
const LABEL_VALUE_MAX = 63;
/** A name has at most 253 characters, and the namespace at its end 63. */
const NAME_START_MAX = 253 - 63 - 1;

/**
 * Entries in ConfigMaps of the hook's own namespace, one for each protected namespace. Its name ends with that namespace,
 * which has no dot. So no two namespaces or installations share one.
 */
export function configMapTracking({ namespace, installation }: Home): Tracking {
  const label = { key: LABEL, value: cut(installation, LABEL_VALUE_MAX) };
  const resource = { apiVersion: 'v1', kind: 'ConfigMap', apiPath: '/api/v1', plural: 'configmaps' };
  return trackingOf({
    type: 'configmap',
    resource: { ...resource, isNamespaced: true, own: { namespace, label } },
    labelKeys: [],
    nameFor: (pod) => ({ name: `${cut(installation, NAME_START_MAX)}.${pod.namespace}` }),
    reusesNames: () => true,
    hindrance: () => undefined,
  });
}

/** The object that the first entry of a tracker creates. It goes with its Namespace. */
export function newConfigMap({
  resource,
  namespace,
  name,
  owner,
  entries,
}: Tracker): Readonly<Record<string, unknown>> {
  const { label } = resource.own ?? {};
  const ofOwner = { apiVersion: 'v1', kind: 'Namespace', name: owner?.namespace, uid: owner?.uid };
  return {
    apiVersion: resource.apiVersion,
    kind: resource.kind,
    metadata: {
      namespace,
      name,
      labels: { 'app.kubernetes.io/name': 'reschedule-hook', ...(label && { [label.key]: label.value }) },
      ownerReferences: [ofOwner],
    },
    data: Object.fromEntries(Object.entries(entries).map(([key, value]) => [storedKey({ resource }, key), value])),
  };
}

/** The key of an entry on its tracker. In `data` it is `<namespace>.<pod>`, because a key there has no slash. */
export function storedKey({ resource }: Pick<Tracker, 'resource'>, entryKey: string): string {
  return resource.own ? entryKey.slice(ENTRY_PREFIX.length) : entryKey;
}

/** Names of registrations have up to 253 characters. A cut one contains `-` and 64 bits of SHA-256. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  return `${text.slice(0, most - 17).replace(/[-.]+$/, '')}-${hash}`;
}
