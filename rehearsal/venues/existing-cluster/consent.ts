import { UsageError } from '../../usage-error.ts';
import { REGISTRATION } from './installed-hook.ts';
import { checkNode } from './nodes.ts';
import type { Run } from './run.ts';
import * as standIns from './stand-ins.ts';

/** Of the namespace of a run. */
export const namespaceLabels = (name: string) => ({
  'kubernetes.io/metadata.name': name,
  'pod-security.kubernetes.io/enforce': 'restricted',
  [standIns.RUN_LABEL]: name,
});

/**
 * Looks whether it may be rehearsed here, says what that would do, and asks. UsageError where it may not or nobody agrees.
 * Nothing has been written before this, and nothing is where it throws.
 */
export async function checkAndAsk({ client, hook, name, flags, cluster, write, ask }: Run): Promise<void> {
  const kind = standIns.kindFor(hook.settings);
  if (!hook.covers(namespaceLabels(name))) {
    throw new UsageError(`the registration ${REGISTRATION} does not cover evictions in the namespace ${name}`);
  }
  standIns.memberLabels(hook.settings, kind, name);
  await standIns.checkDefinition(client, kind);
  for (const node of cluster.nodes) await checkNode(client, node);
  for (const line of [
    `On the cluster of context "${cluster.context}" this will`,
    `  create the namespace ${name} and the definition ${kind.plural}.${kind.group}`,
    `  run ${flags.members} stand-in members and some unprotected pods (${cluster.image}) on ${cluster.nodes.join(', ')}`,
    '  cordon the one of these nodes that has most of them, and evict the pods of the rehearsal from it, no others',
    '  uncordon that node and delete all of the above at the end, also when it is interrupted',
  ]) {
    write(line);
  }
  if (cluster.yes) return;
  if (ask === undefined) throw new UsageError('nobody can be asked here: --yes goes on without');
  if (!(await ask('Go on? [y/N] '))) throw new UsageError('nothing was done');
}
