import { describeError } from '../../../src/kube/errors.ts';
import { matches } from '../../../src/policy/selector.ts';
import type { Member } from '../../../testkit/couchbase/member.ts';
import * as workload from '../../../testkit/couchbase/workload.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { deniedBy, probe } from '../../../testkit/webhook-registration.ts';
import { watchNodes } from '../../evidence/node-watch.ts';
import { PodWatch } from '../../evidence/pod-watch.ts';
import { StandInOperator } from '../../operator/stand-in-operator.ts';
import { tellOperatorEvent, tellPodChange } from '../../terminal/narration.ts';
import { UsageError } from '../../usage-error.ts';
import { namespaceLabels } from './consent.ts';
import type { InstalledHook } from './installed-hook.ts';
import { type Annotation, markTeller } from './marks.ts';
import { watchPrunes } from './prunes.ts';
import type { Run } from './run.ts';
import * as standIns from './stand-ins.ts';

export const CLUSTER = 'cb';
const ANSWER_WITHIN_MS = 20_000;
/** An image may have to be pulled. */
const IN_PLACE_WITHIN_MS = 180_000;

/** What stands in the cluster before the drain. */
export interface Scene {
  readonly operator: StandInOperator;
  readonly watch: PodWatch;
  readonly members: readonly Member[];
  readonly annotation: Annotation;
  /** Waits until the members are in place and balanced. */
  readonly calm: (timeoutMs: number) => Promise<readonly Member[]>;
}

/** Creates all that a rehearsal needs in the cluster. Whatever it has created is in `cleanup`, also where it throws. */
export async function setScene(run: Run): Promise<Scene> {
  const { client, hook, name, cleanup, cluster, flags, write, signal, recorder, witness, timeline, follow, now } = run;
  const kind = standIns.kindFor(hook.settings);
  // Before they are there: an answer can be lost.
  cleanup.defer(() => standIns.removeDefinition(client, kind, name));
  await standIns.createDefinition(client, kind, name, signal);
  cleanup.defer(() => standIns.removeNamespace(client, name));
  await workload.createNamespace(client, name, namespaceLabels(name));
  await untilAsked(run);
  cleanup.defer(
    watchNodes(client, (node, isCordoned, isDraining) => {
      if (!cluster.nodes.includes(node)) return;
      recorder.node(node, isCordoned);
      witness.node(node, isDraining);
    }),
  );
  let isTold = false;
  const annotation = { key: hook.settings.annotationKey, value: hook.settings.annotationValue };
  const operator = new StandInOperator({
    client,
    namespaces: [name],
    periodMs: flags.periodMs,
    annotation,
    now,
    kind,
    labels: standIns.memberLabels(hook.settings, kind, name),
    manifest: (pod) => standIns.asStandIn(pod, cluster),
    onEvent: (event) => isTold && tellOperatorEvent(timeline, event),
  });
  const watch = new PodWatch({
    client,
    namespace: name,
    onSeen: markTeller(annotation, recorder, timeline),
    onChange: (change, pod) => {
      recorder.pod(change, pod);
      witness.pod(change, pod);
      if (isTold) tellPodChange(timeline, change, pod);
    },
    onTrouble: (message, fields) => timeline.add({ who: 'cluster', what: message, detail: String(fields.error) }),
  });
  cleanup.defer(() => watch.stop());
  cleanup.defer(watchPrunes(client, name, recorder, timeline));
  await watch.start({ signal });
  follow?.(() => recorder.followed);
  operator.start();
  cleanup.defer(() => operator.stop());

  await createWorkload(run);
  write(`waiting until ${flags.members} members are in place and balanced`);
  const wanted = { namespace: name, cluster: CLUSTER, size: flags.members, kind, balanced: true, signal };
  const calm = (timeoutMs: number) => workload.waitForMembers(client, { ...wanted, timeoutMs });
  const members = await calm(IN_PLACE_WITHIN_MS);
  timeline.start();
  recorder.start();
  isTold = true;
  for (const { name: pod, node = '', uid } of members) {
    timeline.add({ who: 'cluster', what: 'in place', pod, uid, node });
  }
  return { operator, watch, members, annotation, calm };
}

/** The cluster of the members, its disruption budget, and some pods that nobody protects. */
async function createWorkload({ client, hook, name, cluster, flags, recorder }: Run): Promise<void> {
  const { settings } = hook;
  const kind = standIns.kindFor(settings);
  const size = flags.members;
  const process = flags.process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance';
  recorder.expect(CLUSTER, size);
  await workload.createCluster(client, { namespace: name, name: CLUSTER, size, process, kind });
  const matchLabels = { [standIns.MEMBER_LABEL]: CLUSTER };
  await workload.createPdb(client, { namespace: name, cluster: CLUSTER, size, matchLabels });
  const labels = { ...standIns.WEB_LABELS, [standIns.RUN_LABEL]: name };
  // A hook that protects everything leaves none.
  if (matches(settings.selector, labels)) return;
  const web = { namespace: name, name: 'web', replicas: cluster.nodes.length, labels };
  await workload.createDeployment(client, { ...web, spec: standIns.standInSpec(cluster) });
}

/** The registration says that the hook is asked; only an answer shows that it can be reached. */
async function untilAsked({ client, hook, name, signal, answerWithinMs = ANSWER_WITHIN_MS }: Run): Promise<void> {
  const asked = async () => {
    const answer = await probe(client, name);
    if (!isAnswerOf(hook, answer)) throw new NotYet(answer);
  };
  try {
    await until('an answer of the installed hook', asked, { timeoutMs: answerWithinMs, everyMs: 500, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new UsageError(describeError(error), { cause: error });
  }
}

const isAnswerOf = ({ webhooks }: InstalledHook, answer: string) =>
  webhooks.some((webhook) => answer === deniedBy(webhook));
