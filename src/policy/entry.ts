import { createHash } from 'node:crypto';
import type { Entry } from './model.ts';
import { DNS_LABEL, OBJECT_NAME } from './names.ts';

export const ENTRY_PREFIX = 'reschedule.hook/';

/** The API server's limit on the name part of an annotation key. */
const NAME_PART_MAX = 63;
const HASH_LENGTH = 16;

/**
 * The annotation key of a pod's tracking entry: `reschedule.hook/<namespace>.<pod>`, as the reference writes it. Where the
 * name part would pass 63 characters it is a readable cut and 64 bits of SHA-256. A namespace cannot contain a dot, so
 * no two pods share an uncut key; a cut one has `_`, which no namespace or pod name contains, so it meets no uncut one.
 */
export function entryKey(namespace: string, pod: string): string {
  const name = `${namespace}.${pod}`;
  if (name.length <= NAME_PART_MAX) return ENTRY_PREFIX + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${ENTRY_PREFIX}${name.slice(0, NAME_PART_MAX - HASH_LENGTH - 1)}_${hash}`;
}

/**
 * The annotation value of an entry. What goes without saying is left out: that the node was draining, and the pod's name where
 * the key has not been cut and tells it.
 */
export function encodeEntry(instance: {
  uid: string;
  node?: string;
  at: number;
  draining?: boolean;
  namespace: string;
  pod: string;
}): string {
  const cut = `${instance.namespace}.${instance.pod}`.length > NAME_PART_MAX;
  return JSON.stringify({
    uid: instance.uid,
    node: instance.node,
    at: new Date(instance.at).toISOString(),
    ...(instance.draining === false ? { draining: false } : {}),
    ...(cut ? { pod: `${instance.namespace}.${instance.pod}` } : {}),
  });
}

/**
 * Reads an entry. Whatever is not ours (the reference's `true`, a value edited by hand) is an unknown earlier instance:
 * it never ends a drain while the pod is on a draining node, and it is pruned like any other.
 */
export function decodeEntry(value: string): Entry {
  const raw = parseObject(value);
  const at = typeof raw.at === 'string' ? Date.parse(raw.at) : Number.NaN;
  return {
    ...(typeof raw.uid === 'string' && raw.uid !== '' ? { uid: raw.uid } : {}),
    ...(typeof raw.node === 'string' && raw.node !== '' ? { node: raw.node } : {}),
    ...(Number.isNaN(at) ? {} : { at }),
    ...(raw.draining === false ? { draining: false } : {}),
  };
}

/** Which pod an entry is about. `undefined` where the key is not one of ours. */
export function entryPod(key: string, value: string): { namespace: string; name: string } | undefined {
  if (!key.startsWith(ENTRY_PREFIX)) return undefined;
  const written = parseObject(value).pod;
  const text = typeof written === 'string' ? written : key.slice(ENTRY_PREFIX.length);
  const dot = text.indexOf('.');
  const pod = { namespace: text.slice(0, dot), name: text.slice(dot + 1) };
  if (dot === -1 || !DNS_LABEL.test(pod.namespace) || !isPodName(pod.name)) return undefined;
  return entryKey(pod.namespace, pod.name) === key ? pod : undefined;
}

/** A cut name has a `_`, which no name of a pod has: its entry is then found to be about no pod, and pruned as gone. */
function isPodName(name: string): boolean {
  return OBJECT_NAME.test(name.replace('_', '-'));
}

function parseObject(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
