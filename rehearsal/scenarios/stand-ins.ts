import * as workload from '../../testkit/couchbase/workload.ts';
import { watchCluster } from '../evidence/cluster-watch.ts';
import { endedBy } from '../operator/model.ts';
import { SharedPause } from '../operator/shared-pause.ts';
import { StandInOperator } from '../operator/stand-in-operator.ts';
import type { Place } from '../venues/venue.ts';
import { type Pin, pinned } from './pin.ts';
import { Play } from './play.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { Scenario } from './scenario.ts';

/**
 * Creates the stand-in cluster of a scenario, its operator, and pods that nobody protects. Resolves when the members are in
 * place and balanced. `cleanup` ends the operator; the venue takes back the rest.
 */
export async function setUpStandIns(scenario: Scenario, rehearsal: Rehearsal): Promise<Play> {
  const { members: size = 3, isPacked = false, isVerbose = false, drainWithinMs } = scenario;
  const { site, evidence, log, signal, cleanup } = rehearsal;
  const { client, place } = site;
  if (place === undefined) throw new Error(`the scenario ${scenario.name} needs a place for stand-ins`);
  const { namespace, nodes, periodMs, cluster, model } = place;
  const hasHookLog = site.hook !== undefined;
  const { labelSelector } = site;
  const pods = await watchCluster({ ...rehearsal, client, namespace, labelSelector, nodes, hasHookLog });
  const pin: Pin = {};
  const operator = operatorFor(scenario, rehearsal, place, pin);
  const pause = new SharedPause(operator, signal);
  const drainer = scenario.drainer?.(client) ?? place.drainer;
  const { patienceMs = 60_000 + 10 * periodMs, atOnce = model.heldTo ?? model.atOnce } = scenario;
  const isForgotten = endedBy(model) === 'drainer';
  const names = { process: model.view({ spec: specOf(scenario) }).process, atOnce, isForgotten };
  const context = { ...rehearsal, place, operator, pause, pods, drainer, size, names, pin };
  const play = new Play({ ...context, patienceMs, drainWithinMs });

  const closed = isPacked ? nodes.slice(1) : [];
  for (const node of closed) await play.cordon(node, true);
  evidence.recorder.expect(cluster, size);
  await createWorkload(client, place, size, { ...specOf(scenario), ...model.spec });
  // Only now is there something to see: the operator looks at once, and then once a period.
  operator.start();
  cleanup.defer(() => operator.stop());
  if (isVerbose) log(`waiting until ${size} members are in place and balanced`);
  await play.calm(place.startWithinMs);
  for (const node of closed) await play.cordon(node, false);
  return play;
}

/** What the custom resource says of names. Only Couchbase's operator reads it. */
export const specOf = ({ process = 'in-place' }: Pick<Scenario, 'process'>) => ({
  upgradeProcess: process === 'in-place' ? 'InPlaceUpgrade' : 'SwapRebalance',
});

function operatorFor(scenario: Scenario, { site, evidence }: Rehearsal, place: Place, pin: Pin): StandInOperator {
  const { namespace, kind, operator, periodMs, model } = place;
  return new StandInOperator({
    client: site.client,
    namespaces: [namespace],
    model,
    periodMs,
    ...(scenario.atOnce === undefined ? {} : { maxUpgradable: scenario.atOnce }),
    ...(site.annotation === undefined ? {} : { annotation: site.annotation }),
    kind,
    now: () => evidence.now,
    ...operator,
    manifest: (pod, cluster) => pinned(operator.manifest?.(pod, cluster) ?? pod, pin),
    onEvent: (event) => evidence.operatorEvent(event),
  });
}

/** The cluster of the members, its disruption budget, and the pods that nobody protects. */
async function createWorkload(
  client: Rehearsal['site']['client'],
  { namespace, cluster, kind, model, memberLabels, plainPods, nodes }: Place,
  size: number,
  spec: Record<string, unknown>,
): Promise<void> {
  await workload.createCluster(client, { namespace, name: cluster, size, spec, kind });
  if (model.hasBudget) await workload.createPdb(client, { namespace, cluster, size, matchLabels: memberLabels });
  if (plainPods === undefined) return;
  await workload.createDeployment(client, { namespace, name: 'web', replicas: nodes.length, ...plainPods });
}
