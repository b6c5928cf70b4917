import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import { endedBy, type OperatorModel } from '../../../rehearsal/operator/model.ts';
import { FOUNDATIONDB } from '../../../rehearsal/operator/models/foundationdb.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { PGO_PRIMARY } from '../../../rehearsal/operator/models/pgo.ts';
import { type OperatorEvent, StandInOperator } from '../../../rehearsal/operator/stand-in-operator.ts';
import type { ApiClient, JsonObject } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { type Connected, connect } from '../../../testkit/connect.ts';
import { installClusterDefinition, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createNamespace, waitForMembers } from '../../../testkit/couchbase/workload.ts';
import type { PodView } from '../../../testkit/pods.ts';
import { until } from '../../../testkit/until.ts';

const MERGE = 'application/merge-patch+json';

let cluster: EmbeddedCluster;
let connected: Connected;

before(async () => {
  cluster = await startEmbedded();
  connected = await connect(cluster.kubeconfigPath);
});
after(async () => {
  await connected?.close();
  await cluster?.stop();
});

/** Three members in place, under an operator of that model. */
async function aCluster(model: OperatorModel) {
  const { client } = connected;
  const { kind, ownerKind, indexOf, profile: namespace } = model;
  for (const one of [kind, ...(ownerKind ? [ownerKind] : [])]) await installClusterDefinition(client, one);
  await createNamespace(client, namespace);
  await createCluster(client, { namespace, name: 'cb', kind, process: 'InPlaceUpgrade', spec: { ...model.spec } });
  const events: OperatorEvent[] = [];
  const onEvent = (event: OperatorEvent) => events.push(event);
  const operator = new StandInOperator({ client, namespaces: [namespace], model, periodMs: 60, onEvent });
  operator.start();
  const members = () => waitForMembers(client, { namespace, cluster: 'cb', kind, indexOf, balanced: true });
  await members();
  return { client, namespace, operator, events, members };
}

/** Asks the operator to move that pod, in its own way. */
async function ask(client: ApiClient, model: OperatorModel, pod: PodView): Promise<void> {
  const { namespace, name, node = '' } = pod;
  const patch = (path: string, body: JsonObject) => client.json({ method: 'PATCH', path, contentType: MERGE, body });
  const resource = resourcePath(model.kind, namespace, 'cb');
  if (model.mark !== undefined) {
    const annotations = { [model.mark.key]: model.mark.isAny ? 'x' : model.mark.value };
    await patch(podPath(namespace, name), { metadata: { annotations } });
  } else if (model === PGO_PRIMARY) {
    const annotations = { 'postgres-operator.crunchydata.com/trigger-switchover': 'now' };
    await patch(resource, { metadata: { annotations } });
  } else if (model === FOUNDATIONDB) {
    await patch(resource, { spec: { processGroupsToRemove: [pod.labels['foundationdb.org/fdb-process-group-id']] } });
  } else {
    // Other operators here look at cordons.
    await patch(`/api/v1/nodes/${node}`, {
      spec: { taints: [{ key: 'karpenter.sh/disrupted', effect: 'NoSchedule' }] },
    });
  }
}

type Played = Awaited<ReturnType<typeof aCluster>>;

/** Waits for the deletion, or evicts what its operator does not delete once that lets it go. */
async function untilMoved({ client, operator, events }: Played, model: OperatorModel, pod: PodView) {
  const { namespace, name, uid } = pod;
  if (endedBy(model) === 'operator') {
    return until('the move', async () => assert.ok(operator.deletedUids.has(uid)));
  }
  const isWritten = () => {
    const since = operator.letGoAt.get(uid) ?? Number.POSITIVE_INFINITY;
    return events.some((event) => event.kind === 'reported' && event.uid === uid && event.at >= since);
  };
  await until('the report', async () => assert.ok(isWritten()));
  assert.deepEqual([...operator.deletedUids], []);
  const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
  await client.json({ method: 'POST', path: `${podPath(namespace, name)}/eviction`, body });
}

function assertUnasked({ mark, reports }: OperatorModel, pod: PodView): void {
  assert.equal(pod.annotations[mark?.key ?? ''], undefined);
  assert.equal(reports?.read(pod) ?? 'none', 'none');
}

describe('operators by their models, without the hook', { concurrency: 4 }, () => {
  for (const model of MODELS) {
    it(`${model.profile} moves a pod once when it is asked, and the one that takes its place is not asked for`, async (t) => {
      const played = await aCluster(model);
      const { client, namespace, operator, events, members } = played;
      t.after(() => operator.stop());
      const before = await members();
      // Of those with a role the first one is the primary.
      const old = before[model.role === undefined ? 1 : 0];
      assert.ok(old);
      assert.equal(operator.letGoAt.has(old.uid), false);
      await ask(client, model, old);
      await untilMoved(played, model, old);
      const now = await until('the new member', async () => {
        const found = await members();
        assert.ok(!found.some(({ uid }) => uid === old.uid));
        // The name may be gone for a moment.
        assert.ok(found.some(({ uid }) => !before.some((one) => one.uid === uid)));
        return found;
      });
      const fresh = now.find(({ uid }) => !before.some((one) => one.uid === uid));
      assert.ok(fresh);
      assertUnasked(model, fresh);
      const isNew = model.view({ spec: { upgradeProcess: 'InPlaceUpgrade' } }).process === 'swap';
      assert.equal(fresh.name === old.name, !isNew);
      const moves = events.filter(({ kind }) => kind === 'deleted').length - operator.surplus.size;
      assert.equal(moves, endedBy(model) === 'operator' ? 1 : 0);
      const { kind: owner } = model.ownerKind ?? model.kind;
      const raw = (await client.json({ method: 'GET', path: podPath(namespace, fresh.name) })) as JsonObject;
      const { ownerReferences } = raw.metadata as { ownerReferences: { kind: string; controller: boolean }[] };
      assert.deepEqual(
        ownerReferences.map(({ kind, controller }) => [kind, controller]),
        [[owner, true]],
      );
      assert.deepEqual(
        events.filter(({ kind }) => kind === 'failed'),
        [],
      );
    });
  }
});
