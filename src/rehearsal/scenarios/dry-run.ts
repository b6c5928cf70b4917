import type { JsonObject } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { nodePath, podPath } from '../../kube/paths.ts';
import { COUCHBASE_CLUSTER, resourcePath } from '../couchbasecluster-crd.ts';
import { CLUSTER, DRAIN_TIMEOUT_MS, type Play } from './play.ts';

/** Asks for the eviction of every member without meaning it, and looks whether anything was written. */
export async function dryRun(play: Play): Promise<void> {
  const before = await versions(play);
  await dryRunOfEvictions(play);
  await dryRunOfDrain(play);
  play.expect('nothing was written', before === (await versions(play)), 'a pod, the cluster or a node has changed');
}

async function dryRunOfEvictions(play: Play): Promise<void> {
  const { client } = play.options.stage;
  const refused: string[] = [];
  for (const { namespace, name } of play.members()) {
    const path = `${podPath(namespace, name)}/eviction`;
    const deleteOptions = { dryRun: ['All'] };
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name }, deleteOptions };
    play.tell(`asks for a dry run of the eviction of ${name}`);
    await client.json({ method: 'POST', path, body }).catch((error: unknown) => refused.push(describeError(error)));
  }
  play.expect('every dry run was allowed', refused.length === 0, refused.join('; '));
}

/** Where the drainer has such a thing; kubectl then prints what the hook warns of. */
async function dryRunOfDrain(play: Play): Promise<void> {
  const { drainer, timeline, signal } = play.options;
  if (drainer.dryRun === undefined) return;
  const node = play.node();
  const lines: string[] = [];
  const onLine = (line: string) => {
    lines.push(line);
    timeline.add({ who: drainer.voice, what: line });
  };
  play.tell('asks for a dry run of the drain', node);
  const code = await drainer.dryRun({ node, timeoutMs: DRAIN_TIMEOUT_MS, signal, onLine });
  signal.throwIfAborted();
  play.expect(`${drainer.name} --dry-run=server ended without an error`, code === 0, `exit code ${code}`);
  const unsaid = play
    .membersOn(node)
    .filter(({ namespace, name }) => !lines.some((line) => line.includes(`pod ${namespace}/${name} would be marked`)));
  const what = 'it told of each member that it would be marked';
  play.expect(what, unsaid.length === 0, `nothing was said of ${unsaid.map(({ name }) => name).join(', ')}`);
}

/** Of everything that the hook could have written to, and whether the nodes are cordoned. */
async function versions({ options, namespace }: Play): Promise<string> {
  const { client, cluster } = options.stage;
  const { items } = await client.json({ method: 'GET', path: `/api/v1/namespaces/${namespace}/pods` });
  const owner = await client.json({ method: 'GET', path: resourcePath(COUCHBASE_CLUSTER, namespace, CLUSTER) });
  const nodes = await Promise.all(cluster.nodes.map((name) => client.json({ method: 'GET', path: nodePath(name) })));
  const all = [...(items as readonly JsonObject[]), owner] as {
    metadata?: { uid?: string; resourceVersion?: string };
  }[];
  return JSON.stringify([
    all.map(({ metadata }) => [metadata?.uid, metadata?.resourceVersion]),
    nodes.map(({ spec }) => (spec as { unschedulable?: boolean }).unschedulable === true),
  ]);
}
