import type { Rig } from './rig.ts';

/** Forgets every revision but the present one, as the API server does with those older than five minutes. */
export async function compactEtcd({ controlPlane }: Pick<Rig, 'controlPlane'>): Promise<void> {
  const { header } = await call(controlPlane.etcdUrl, 'range', { key: btoa('no such key') });
  await call(controlPlane.etcdUrl, 'compaction', { revision: header.revision, physical: true });
}

async function call(url: string, what: string, body: object): Promise<{ header: { revision: string } }> {
  const response = await fetch(`${url}/v3/kv/${what}`, { method: 'POST', body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`etcd ${what}: ${response.status} ${text}`);
  return JSON.parse(text) as { header: { revision: string } };
}
