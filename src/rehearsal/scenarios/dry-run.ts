import type { JsonObject } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../couchbasecluster-crd.ts';
import { CLUSTER, NAMESPACE, type Play } from './play.ts';

/** Asks for the eviction of every member without meaning it, and looks whether anything was written. */
export async function dryRun(play: Play): Promise<void> {
  const { client } = play.options.stage;
  const before = await versions(play);
  const refused: string[] = [];
  for (const { name } of play.members()) {
    const path = `/api/v1/namespaces/${NAMESPACE}/pods/${name}/eviction`;
    const metadata = { namespace: NAMESPACE, name };
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata, deleteOptions: { dryRun: ['All'] } };
    play.tell(`asks for a dry run of the eviction of ${name}`);
    await client.json({ method: 'POST', path, body }).catch((error: unknown) => refused.push(describeError(error)));
  }
  play.expect('every dry run was allowed', refused.length === 0, refused.join('; '));
  play.expect('nothing was written', before === (await versions(play)), 'a pod or the cluster has changed');
}

/** Of everything that the hook could have written to. */
async function versions({ options }: Play): Promise<string> {
  const { client } = options.stage;
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${NAMESPACE}/pods` });
  const cluster = await client.json({ method: 'GET', path: resourcePath(COUCHBASE_CLUSTER, NAMESPACE, CLUSTER) });
  const all = [...(items as readonly JsonObject[]), cluster] as {
    metadata?: { uid?: string; resourceVersion?: string };
  }[];
  return JSON.stringify(all.map(({ metadata }) => [metadata?.uid, metadata?.resourceVersion]));
}
