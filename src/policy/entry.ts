import { createHash } from 'node:crypto';
import type { Entry } from './model.ts';
import { DNS_LABEL, MANAGER, OBJECT_NAME, UID } from './names.ts';

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

/** What an entry is written from. */
export interface EntryContent extends Entry {
  readonly uid: string;
  readonly at: number;
  readonly namespace: string;
  readonly pod: string;
}

/**
 * The annotation value of an entry. It leaves out every default, and the pod's name if the key has it uncut. The version
 * before reads the first four fields, and passes over the others.
 */
export function encodeEntry(entry: EntryContent): string {
  const { uid, node, at, firstAt = at, draining, nodeUid, returns = 0, marks = 1, unmarkedBy, installation } = entry;
  const { namespace, pod, group, groupSize } = entry;
  const name = `${namespace}.${pod}`;
  return JSON.stringify({
    uid,
    node,
    at: new Date(at).toISOString(),
    ...(draining === false ? { draining } : {}),
    ...(name.length > NAME_PART_MAX ? { pod: name } : {}),
    nodeUid,
    ...(firstAt < at ? { firstAt: new Date(firstAt).toISOString() } : {}),
    ...(returns > 0 ? { returns } : {}),
    ...(marks > 1 ? { marks } : {}),
    unmarkedBy,
    hook: installation,
    group,
    groupSize,
  });
}

/**
 * Reads an entry. Any other value (the reference hook's `true`, a manual edit) is an unknown earlier instance. Such an
 * entry never ends a drain while the pod is on a draining node, and the controller prunes it like any other. Whoever may
 * edit the tracker can write anything here, and messages quote it: so a name is a name, or nothing.
 */
export function decodeEntry(value: string): Entry {
  const raw = parseObject(value);
  return {
    ...text('uid', raw.uid, UID),
    ...text('node', raw.node, OBJECT_NAME),
    ...instant('at', raw.at),
    ...(raw.draining === false ? { draining: false } : {}),
    ...text('nodeUid', raw.nodeUid, UID),
    ...instant('firstAt', raw.firstAt),
    ...count('returns', raw.returns),
    ...count('marks', raw.marks),
    ...text('unmarkedBy', raw.unmarkedBy, MANAGER),
    ...text('installation', raw.hook, OBJECT_NAME),
    ...text('group', raw.group, /^[0-9a-f]{16}$/),
    ...count('groupSize', raw.groupSize),
  };
}

function text<K extends string>(key: K, value: unknown, pattern: RegExp): { [P in K]?: string } {
  return typeof value === 'string' && pattern.test(value) ? ({ [key]: value } as { [P in K]: string }) : {};
}

function instant<K extends string>(key: K, value: unknown): { [P in K]?: number } {
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? {} : ({ [key]: at } as { [P in K]: number });
}

function count<K extends string>(key: K, value: unknown): { [P in K]?: number } {
  return Number.isSafeInteger(value) && (value as number) > 0 ? ({ [key]: value } as { [P in K]: number }) : {};
}

/** The pod of an entry; undefined if the key is not the hook's. */
export function entryPod(key: string, value: string): { namespace: string; name: string } | undefined {
  if (!key.startsWith(ENTRY_PREFIX)) return undefined;
  const written = value.includes('"pod"') ? parseObject(value).pod : undefined;
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
  // An error takes 100 times as long as an entry, and anybody may have written thousands of other values.
  const text = value.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? { ...parsed } : {};
  } catch {
    return {};
  }
}
