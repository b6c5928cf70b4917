import type { Rig } from './rig.ts';

/** Forgets every revision but the present one, as the API server does with those older than five minutes. */
export async function compactEtcd({ controlPlane }: Pick<Rig, 'controlPlane'>): Promise<void> {
  const { header } = await call(controlPlane.etcdUrl, 'range', { key: btoa('no such key') });
  await call(controlPlane.etcdUrl, 'compaction', { revision: header.revision, physical: true });
}

/** How often each object under a prefix of etcd's keys has been written, by the last part of its key. */
export async function versionsOf({ controlPlane }: Rig, prefix: string): Promise<Map<string, number>> {
  const end = prefix.replace(/\/$/, '0');
  const body = { key: btoa(prefix), range_end: btoa(end), keys_only: true };
  const { kvs = [] } = await call(controlPlane.etcdUrl, 'range', body);
  return new Map(kvs.map(({ key, version }) => [atob(key).slice(prefix.length), Number(version)]));
}

interface Answer {
  readonly header: { readonly revision: string };
  readonly kvs?: readonly { readonly key: string; readonly version: string }[];
}

async function call(url: string, what: string, body: object): Promise<Answer> {
  const response = await fetch(`${url}/v3/kv/${what}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd ${what}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}
