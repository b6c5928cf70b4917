import { createHash } from 'node:crypto';
import type { Entry } from './model.ts';
import { DNS_LABEL, OBJECT_NAME } from './names.ts';

export const ENTRY_PREFIX = 'reschedule.hook/';

/** The API server's limit on the name part of an annotation key. */
const NAME_PART_MAX = 63;
const HASH_LENGTH = 16;

/**
 * The annotation key of a pod's entry: `reschedule.hook/<namespace>.<pod>`, as in the reference hook. If the name part
 * would exceed 63 characters, it is cut and ends with 64 bits of SHA-256. No two pods share an uncut key, because a
 * namespace contains no dot. A cut key contains `_`, which no namespace or pod name does, so it never equals an uncut
 * one.
 */
export function entryKey(namespace: string, pod: string): string {
  const name = `${namespace}.${pod}`;
  if (name.length <= NAME_PART_MAX) return ENTRY_PREFIX + name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH);
  return `${ENTRY_PREFIX}${name.slice(0, NAME_PART_MAX - HASH_LENGTH - 1)}_${hash}`;
}

/**
 * The annotation value of an entry. It leaves out two defaults: that the node was draining, and the pod's name if the
 * key has it uncut.
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
 * Reads an entry. Any other value (the reference hook's `true`, a manual edit) is an unknown earlier instance. Such an
 * entry never ends a drain while the pod is on a draining node, and the controller prunes it like any other.
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

/** The pod of an entry; undefined if the key is not the hook's. */
export function entryPod(key: string, value: string): { namespace: string; name: string } | undefined {
  if (!key.startsWith(ENTRY_PREFIX)) return undefined;
  const written = parseObject(value).pod;
  const text = typeof written === 'string' ? written : key.slice(ENTRY_PREFIX.length);
  const dot = text.indexOf('.');
  const pod = { namespace: text.slice(0, dot), name: text.slice(dot + 1) };
  if (dot === -1 || !DNS_LABEL.test(pod.namespace) || !isPodName(pod.name)) return undefined;
  return entryKey(pod.namespace, pod.name) === key ? pod : undefined;
}

/**
 * Accepts one `_`, because a cut name has it and no pod name does. Its entry then belongs to no existing pod, and is
 * pruned as gone.
 */
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
