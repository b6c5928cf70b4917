import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isServed } from '../../../src/kube/discovery.ts';
import { entryKey } from '../../../src/policy/entry.ts';
import { installClusterDefinition, removeClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { entriesOnCluster } from '../../../testkit/couchbase/workload.ts';
import { listPods } from '../../../testkit/pods.ts';
import { until } from '../../../testkit/until.ts';
import { keepAsking, untilAnswered } from '../support/asking.ts';
import { prepareBehindGate } from '../support/behind-gate.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { cached, type FaultedHook, untilCounted, untilRight } from '../support/right-again.ts';
import { untilMetric } from '../support/told.ts';
import { aWard } from '../support/ward.ts';

/** No cluster stays, so no entry does that would tell of an earlier instance. */
const NOTHING_STAYS = { successor: false };
const UNTRACKED = 'reschedule_hook_marked_without_entry_total';

let rig: Rig;
let faulty: FaultedHook;

before(async () => {
  rig = await startRig({ installCrd: false });
  const gated = await prepareBehindGate(rig, 'crd');
  const [ward] = await Promise.all([aWard(rig, 'ward', { cluster: false }), gated.hook.start()]);
  faulty = { rig, ward, ...gated };
});

after(() => rig?.stop());

/** The entry that a mark by the hook has left for a pod; it has to name the pod as it is. */
async function assertEntry(pod: string): Promise<void> {
  const { namespace } = faulty.ward;
  const entries = await entriesOnCluster(rig.client, namespace, 'cb');
  const { uid } = (await listPods(rig.client, namespace)).find(({ name }) => name === pod) ?? { uid: '' };
  assert.match(entries[entryKey(namespace, pod)] ?? '', new RegExp(`"uid":"${uid}"`), pod);
}

const OTHER = { group: 'couchbase.com', version: 'v2', kind: 'CouchbaseBucket', plural: 'couchbasebuckets' };

describe('a CRD that comes and goes', () => {
  test('is told by discovery, whether its group is known or not', async () => {
    const { signal } = new AbortController();
    const served = (plural: string) => isServed(rig.client, '/apis/couchbase.com/v2', plural, signal);
    assert.equal(await served('couchbaseclusters'), false, 'no such group');
    assert.equal(await cached(faulty.hook, 'couchbaseclusters'), 0);
    // From here on the group is known, and its version.
    await installClusterDefinition(rig.client, OTHER);
    await until('discovery to list it', async () => assert.ok(await served(OTHER.plural).catch(() => false)));
    assert.equal(await served('couchbaseclusters'), false, 'no such kind');
    assert.ok(await isServed(rig.client, '/api/v1', 'namespaces', signal));
  });

  test('installed after the hook has started: no entries before, entries from then on', async (t) => {
    const { hook, ward } = faulty;
    const asking = await keepAsking(rig, hook, ward, NOTHING_STAYS);
    await untilAnswered(asking, 2, /annotation added|\(marked .* by reschedule-hook/);
    await untilMetric(hook, UNTRACKED, 2);

    await installClusterDefinition(rig.client);
    const since = performance.now();
    await ward.addCluster('cb');
    // The cache may not have looked again yet; a pod that is marked in this moment has its entry all the same.
    await ward.addPod('early');
    await untilRight(t, faulty, { since, asking });
    await assertEntry('early');
    await untilMetric(hook, UNTRACKED, 2);
  });

  test('removed and installed again: the old clusters are forgotten, the new ones known', async (t) => {
    const { hook, ward } = faulty;
    const asking = await keepAsking(rig, hook, ward, NOTHING_STAYS);
    const line = hook.lines.length;
    await removeClusterDefinition(rig.client);
    await hook.waitForLine(({ message }) => message === 'Kind not installed', { since: line });
    await until('the cache to be without clusters', async () =>
      assert.equal(await cached(hook, 'couchbaseclusters'), 0),
    );
    await ward.addPod('without');
    await hook.waitForLine(
      ({ message, pod }) => message === 'Pod marked without a tracking entry' && pod === 'without',
    );

    await installClusterDefinition(rig.client);
    const since = performance.now();
    await ward.addCluster('cb');
    await ward.addPod('with');
    await untilRight(t, faulty, { since, asking });
    await untilCounted(rig, hook, 'couchbaseclusters');
    await assertEntry('with');
  });
});
