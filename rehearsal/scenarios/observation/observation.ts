import { describeError } from '../../../src/kube/errors.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { LISTED_WITHIN_MS, watchCluster } from '../../evidence/cluster-watch.ts';
import type { Instance, PodWatch } from '../../evidence/pod-watch.ts';
import { isMarked } from '../../operator/model.ts';
import type { Outcome, Rehearsal } from '../rehearsal.ts';
import type { Observation } from '../scenario.ts';
import { ObservedDrains, observedChecks } from './observed-drains.ts';

const LOOK_EVERY_MS = 250;
const NO_END_MS = 2 ** 31;

/**
 * Watches the protected pods of a cluster while somebody else drains, with reads only. It ends when every node that was
 * cordoned meanwhile has none of them left and all are Ready, or when it is interrupted; then it judges.
 */
export function observation(context: string): Observation {
  return {
    name: 'observed',
    title: `A drain that was watched on the cluster of context ${context}`,
    about: 'Somebody drained nodes; the protected pods were watched, and nothing was written.',
    isVerbose: true,
    observe,
  };
}

async function observe(rehearsal: Rehearsal): Promise<Outcome> {
  const { site, evidence, write, signal } = rehearsal;
  const drains = new ObservedDrains();
  const ends = new Map<string, (result: string) => void>();
  const pods = await watchCluster({
    ...rehearsal,
    client: site.client,
    namespace: undefined,
    labelSelector: site.labelSelector,
    nodes: undefined,
    hasHookLog: false,
    onPod: (pod) => {
      if (isMarked(pod, site.annotation)) drains.marked(pod.uid);
    },
    onNode: (node, isCordoned, watched) => {
      const here = present(watched).filter((pod) => pod.node === node);
      if (!drains.node(node, isCordoned, here)) return;
      evidence.timeline.add({ who: 'cluster', what: 'cordoned', node });
      ends.set(node, evidence.recorder.drain(node, 'somebody else'));
    },
  });
  await untilNodesKnown(drains, signal);
  const wanted = present(pods).length;
  for (const [namespace, count] of countByNamespace(present(pods))) evidence.recorder.expect(namespace, count);
  write('watching; drain a node in another terminal, and interrupt this to have it judged before it is over');
  evidence.start();
  await untilDrained(drains, pods, wanted, signal, (node) => ends.get(node)?.('no protected pod remains'));
  return {
    checks: observedChecks(drains, pods.instances, site.annotation),
    figures: [
      { what: 'nodes cordoned', value: drains.nodes.join(', ') || 'none' },
      { what: 'pods on them', value: String(drains.drained.size) },
    ],
  };
}

const present = (pods: PodWatch) => pods.instances.filter(({ isGone }) => !isGone);

async function untilNodesKnown(drains: ObservedDrains, signal: AbortSignal): Promise<void> {
  const known = async () => {
    if (!drains.isReady) throw new NotYet('no answer so far');
  };
  await until('the list of nodes', known, { timeoutMs: LISTED_WITHIN_MS, signal });
}

async function untilDrained(
  drains: ObservedDrains,
  pods: PodWatch,
  wanted: number,
  signal: AbortSignal,
  onEnd: (node: string) => void,
): Promise<void> {
  const drained = async () => {
    const here = present(pods);
    const left = (node: string) => here.filter((pod) => pod.node === node);
    for (const node of drains.nodes) if (left(node).length === 0) onEnd(node);
    const isOver =
      drains.drained.size > 0 &&
      drains.nodes.every((node) => left(node).length === 0) &&
      here.length >= wanted &&
      here.every(({ ready, terminating }) => ready && !terminating);
    if (!isOver) throw new NotYet('the drain is not over');
  };
  try {
    await until('the end of the drain', drained, { timeoutMs: NO_END_MS, everyMs: LOOK_EVERY_MS, signal });
  } catch (error) {
    // An interrupt is how a person says that it is enough.
    if (!signal.aborted) throw new Error(describeError(error), { cause: error });
  }
}

function countByNamespace(instances: readonly Instance[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { namespace } of instances) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  return counts;
}
