import { describeError } from '../../../src/kube/errors.ts';
import { Cleanup } from '../../../testkit/cleanup.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { watchNodes } from '../../evidence/node-watch.ts';
import { type Instance, PodWatch } from '../../evidence/pod-watch.ts';
import type { RehearsalRecord } from '../../evidence/record.ts';
import { Recorder } from '../../evidence/recorder.ts';
import { Timeline } from '../../evidence/timeline.ts';
import { versionsOf } from '../../evidence/versions.ts';
import type { RehearsalOptions } from '../../rehearse.ts';
import { tellPodChange } from '../../terminal/narration.ts';
import { access, lookAt } from './access.ts';
import type { ClusterFlags } from './flags.ts';
import { findInstalledHook } from './installed-hook.ts';
import { isMarked, markTeller } from './marks.ts';
import { DrainLedger, observedChecks } from './observed.ts';
import { watchPrunes } from './prunes.ts';

const LOOK_EVERY_MS = 250;
const NO_END_MS = 2 ** 31;

/**
 * Watches the protected pods of a cluster while somebody else drains, with reads only. Ends when every node that was
 * cordoned meanwhile has none of them left and they are Ready elsewhere, or when it is interrupted; then it judges.
 */
export async function observe(
  cluster: ClusterFlags,
  { write, signal, follow }: RehearsalOptions,
  env: NodeJS.ProcessEnv,
): Promise<RehearsalRecord> {
  const cleanup = new Cleanup();
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ namespace }) => namespace });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  try {
    const { client, close } = await access(cluster, env);
    cleanup.defer(close);
    const { settings } = await lookAt(cluster, signal, () => findInstalledHook(client));
    const annotation = { key: settings.annotationKey, value: settings.annotationValue };
    const tellMark = markTeller(annotation, recorder, timeline);
    const ledger = new DrainLedger();
    let isTold = false;
    const watch = new PodWatch({
      client,
      labelSelector: settings.labelSelector,
      onSeen: (pod, before) => {
        if (isMarked(pod, annotation)) ledger.marked(pod.uid);
        tellMark(pod, before);
      },
      onChange: (change, pod) => {
        recorder.pod(change, pod);
        if (isTold) tellPodChange(timeline, change, pod);
      },
      onTrouble: (message, fields) => timeline.add({ who: 'cluster', what: message, detail: String(fields.error) }),
    });
    cleanup.defer(() => watch.stop());
    await watch.start({ signal });
    cleanup.defer(watchPrunes(client, undefined, recorder, timeline));
    const ends = new Map<string, (result: string) => void>();
    const here = (node: string) => watch.instances.filter((pod) => !pod.isGone && pod.node === node);
    cleanup.defer(
      watchNodes(client, (node, isCordoned) => {
        recorder.node(node, isCordoned);
        if (!ledger.node(node, isCordoned, here(node))) return;
        timeline.add({ who: 'cluster', what: 'cordoned', node });
        ends.set(node, recorder.drain(node, 'somebody else'));
      }),
    );
    await until(
      'the list of nodes',
      async () => {
        if (!ledger.isReady) throw new NotYet('no answer so far');
      },
      { signal },
    );
    const wanted = watch.instances.filter(({ isGone }) => !isGone).length;
    const startedAt = new Date().toISOString();
    for (const [namespace, count] of countBy(watch.instances)) recorder.expect(namespace, count);
    write('watching; drain a node in another terminal, and interrupt this to have it judged before it is over');
    timeline.start();
    recorder.start();
    isTold = true;
    follow?.(() => recorder.followed);
    await untilDrained(ledger, watch, wanted, signal, (node) => ends.get(node)?.('no protected pod is left'));
    return recorder.record({
      scenario: {
        name: 'observed',
        title: `A drain that was watched on the cluster of context ${cluster.context}`,
        about: 'Somebody drained nodes; the protected pods were watched, and nothing was written.',
      },
      startedAt,
      versions: await versionsOf(client),
      checks: observedChecks(ledger, watch.instances, annotation),
      figures: [
        { what: 'nodes cordoned', value: ledger.nodes.join(', ') || 'none' },
        { what: 'pods on them', value: String(ledger.drained.size) },
      ],
    });
  } finally {
    await cleanup.run();
  }
}

async function untilDrained(
  ledger: DrainLedger,
  watch: PodWatch,
  wanted: number,
  signal: AbortSignal,
  onEnd: (node: string) => void,
): Promise<void> {
  const drained = async () => {
    const here = watch.instances.filter(({ isGone }) => !isGone);
    const left = (node: string) => here.filter((pod) => pod.node === node);
    for (const node of ledger.nodes) if (left(node).length === 0) onEnd(node);
    const isOver =
      ledger.drained.size > 0 &&
      ledger.nodes.every((node) => left(node).length === 0) &&
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

function countBy(instances: readonly Instance[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { namespace, isGone } of instances) if (!isGone) counts.set(namespace, (counts.get(namespace) ?? 0) + 1);
  return counts;
}
