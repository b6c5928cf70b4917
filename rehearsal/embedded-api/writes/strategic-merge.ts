import { isDeepStrictEqual } from 'node:util';
import { isRecord, type Json } from '../storage/object.ts';

/** Lists of objects that are merged by a key, by the name of the field. Every other list is replaced. */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  conditions: 'type',
  containers: 'name',
  initContainers: 'name',
  containerStatuses: '',
  volumes: 'name',
  volumeMounts: 'mountPath',
  env: 'name',
  ports: 'containerPort',
  imagePullSecrets: 'name',
  ownerReferences: 'uid',
  addresses: 'type',
  taints: 'key',
  webhooks: 'name',
  podIPs: 'ip',
  hostIPs: 'ip',
};
/** Lists of plain values that are joined. */
const SETS = ['finalizers'];

export const mergeKeyOf = (field: string): string | undefined => MERGE_KEYS[field] || undefined;
export const isSet = (field: string): boolean => SETS.includes(field);

/** Kubernetes' own kind of patch, as far as the kinds here need it: keyed lists merge, `$patch: delete|replace` works. */
export function strategicMerge(target: unknown, patch: unknown, field = ''): unknown {
  if (Array.isArray(patch)) return mergeList(target, patch, field);
  if (!isRecord(patch)) return patch;
  const { $patch: directive, ...rest } = patch;
  const merged: Record<string, unknown> = directive === 'replace' || !isRecord(target) ? {} : { ...target };
  for (const [key, value] of Object.entries(rest)) applyField(merged, key, value);
  return merged;
}

function applyField(merged: Record<string, unknown>, key: string, value: unknown): void {
  const [, from] = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key) ?? [];
  if (from !== undefined) merged[from] = without(merged[from], value);
  // How lists are ordered, and which keys of a union are kept, makes no difference here.
  else if (key.startsWith('$')) return;
  else if (value === null) delete merged[key];
  else merged[key] = strategicMerge(merged[key], value, key);
}

function mergeList(target: unknown, patch: readonly unknown[], field: string): unknown[] {
  const before: readonly unknown[] = Array.isArray(target) ? target : [];
  if (isSet(field)) return [...new Set([...before, ...patch])];
  const key = mergeKeyOf(field);
  const isReplaced = patch.some((item) => isRecord(item) && item.$patch === 'replace');
  if (key === undefined || isReplaced) return patch.filter((item) => !isRecord(item) || item.$patch === undefined);
  return (patch as readonly Json[]).reduce((list, item) => mergeItem(list, item, key), [...before]);
}

function mergeItem(list: readonly unknown[], item: Json, key: string): unknown[] {
  const isIt = (other: unknown) => isRecord(other) && isDeepStrictEqual(other[key], item[key]);
  if (item.$patch === 'delete') return list.filter((other) => !isIt(other));
  if (!list.some(isIt)) return [...list, strategicMerge({}, item)];
  return list.map((other) => (isIt(other) ? strategicMerge(other, item) : other));
}

const without = (list: unknown, values: unknown) =>
  (Array.isArray(list) ? list : []).filter((item) => !(Array.isArray(values) && values.includes(item)));
