import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../../../rehearsal/embedded-api/cluster.ts';
import type { OperatorModel } from '../../../rehearsal/operator/model.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { type OperatorEvent, StandInOperator } from '../../../rehearsal/operator/stand-in-operator.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';
import { type Connected, connect } from '../../../testkit/connect.ts';
import { installClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createCluster, createNamespace, waitForMembers } from '../../../testkit/couchbase/workload.ts';
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
  await createCluster(client, { namespace, name: 'cb', kind, process: 'InPlaceUpgrade' });
  const events: OperatorEvent[] = [];
  const onEvent = (event: OperatorEvent) => events.push(event);
  const operator = new StandInOperator({ client, namespaces: [namespace], model, periodMs: 60, onEvent });
  operator.start();
  const members = () => waitForMembers(client, { namespace, cluster: 'cb', kind, indexOf, balanced: true });
  await members();
  return { client, namespace, operator, events, members };
}

describe('operators by their models, without the hook', { concurrency: true }, () => {
  for (const model of MODELS) {
    it(`${model.profile} moves a marked pod once, and the one that takes its place has no mark`, async (t) => {
      const { client, namespace, operator, events, members } = await aCluster(model);
      t.after(() => operator.stop());
      const [first, old, last] = await members();
      assert.ok(old);
      const annotations = { [model.mark.key]: model.mark.isAny ? 'x' : model.mark.value };
      const path = podPath(namespace, old.name);
      await client.json({ method: 'PATCH', path, contentType: MERGE, body: { metadata: { annotations } } });
      await until('the move', async () => assert.ok(operator.deletedUids.has(old.uid)));
      const now = await until('the new member', async () => {
        const found = await members();
        assert.ok(!found.some(({ uid }) => uid === old.uid));
        return found;
      });
      const fresh = now.find(({ uid }) => ![first?.uid, last?.uid].includes(uid));
      assert.equal(fresh?.annotations[model.mark.key], undefined);
      const isNew = model.view({ spec: { upgradeProcess: 'InPlaceUpgrade' } }).process === 'swap';
      assert.equal(fresh?.name === old.name, !isNew);
      const moves = events.filter(({ kind }) => kind === 'deleted').length - operator.surplus.size;
      assert.equal(moves, 1);
      const { kind: owner } = model.ownerKind ?? model.kind;
      const raw = (await client.json({ method: 'GET', path: podPath(namespace, fresh?.name ?? '') })) as JsonObject;
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
