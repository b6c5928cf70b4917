import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { LOG } from '../../../src/log/messages.ts';
import { writeServing } from '../../../testkit/certificates.ts';
import { installClusterDefinition } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { createPod, patchCluster, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { untilTrue } from '../../support/until-true.ts';
import { eventsOf, type SeenEvent } from '../support/events.ts';
import { evictUntil, MARKED } from '../support/evict.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { untilMetric, untilSaid } from '../support/told.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

const told = (events: readonly SeenEvent[]) =>
  events.map(({ reason, type, count, involvedObject: { kind } }) => [reason, type, count, kind]).sort();

// One after another: each hook looks at every namespace, and these differ in what they report and prune.
describe('the months between drains, on the real control plane', () => {
  test('an entry is pruned once its pod has settled, and two replicas write each Event once', async () => {
    // Well over the 5 s after which kubectl asks again: an entry that went sooner would let it have the pod moved twice.
    const settings = { TRACKING_RETENTION: '30s' };
    const [own, other] = await Promise.all([rig.hook('pruned', settings), rig.startHook(settings)]);
    await using scene = await aScene({ rig, hook: 'pruned', namespace: 'pruned' });
    const result = await scene.drain(scene.node(1));
    assert.equal(result.code, 0, result.stderr);
    await scene.until('the entries to be pruned', async () => Object.keys(await scene.entries()).length === 0);
    await scene.until('the Events to be written', async () => (await eventsOf(scene)).length >= 8);
    const lines = await untilSaid([own, other], LOG.rescheduled, 2, ({ namespace }) => namespace === 'pruned');
    assert.deepEqual(lines.map(({ pod }) => pod).sort(), ['cb-0000', 'cb-0001'], 'one line each, by whoever pruned');
    const events = await eventsOf(scene);
    const each = (kind: string) => [
      ['RescheduleRequested', 'Normal', 1, kind],
      ['Rescheduled', 'Normal', 1, kind],
    ];
    const two = ['CouchbaseCluster', 'Pod'].flatMap(each).flatMap((event) => [event, event]);
    assert.deepEqual(told(events), two.sort());
    const messages = events.map(({ message }) => message);
    assert.ok(
      messages.some((text) => /^The pod was moved from node pruned-1 to node pruned-[23] for a drain$/.test(text)),
    );
    assert.ok(
      messages.includes(
        'Pod cb-0000 is to leave node pruned-1: its eviction was refused and the operator of CouchbaseCluster cb was asked to move it',
      ),
    );
    await Promise.all([own.stop(), other.stop()]);
  });

  test('an entry of a pod that still waits is kept, and the operator that does not act is reported (fault 21)', async () => {
    const own = await rig.hook('stalled', { STALL_AFTER: '1s' });
    await using scene = await aScene({ rig, hook: 'stalled', namespace: 'stalled', size: 1, pdb: false });
    await scene.operator.pause();
    await patchCluster(rig.client, 'stalled', 'cb', { paused: true });
    assert.equal((await evictUntil(scene, 'cb-0000', MARKED)).code, 429);
    const line = await own.waitForLine(({ message }) => message === LOG.stalled);
    assert.equal(line.pod, 'cb-0000');
    assert.equal(line.node, scene.node(1));
    assert.equal(line.hindrance, 'Paused');
    const events = await scene.until('the Events', async () => {
      const seen = (await eventsOf(scene)).filter(({ reason }) => reason === 'RescheduleStalled');
      return seen.length >= 2 && seen;
    });
    assert.deepEqual(told(events), [
      ['RescheduleStalled', 'Warning', 1, 'CouchbaseCluster'],
      ['RescheduleStalled', 'Warning', 1, 'Pod'],
    ]);
    assert.match(
      events[0]?.message ?? '',
      /CouchbaseCluster cb has not moved it \(CouchbaseCluster cb reports Paused\); drains of node stalled-1 wait/,
    );
    await untilMetric(own, 'reschedule_hook_stalled_pods', 1, /hindrance="Paused"/);
    await evictUntil(scene, 'cb-0000', /stalled: its operator has not acted; CouchbaseCluster cb reports Paused\)/);
    await patchCluster(rig.client, 'stalled', 'cb', { paused: false });
    assert.equal(Object.keys(await scene.entries()).length, 1);
    scene.operator.resume();
    await own.waitForLine(({ message }) => message === LOG.unstalled);
    await untilMetric(own, 'reschedule_hook_stalled_pods', 0);
    await own.stop();
  });

  test('where the Namespace is the tracking resource, its Events stand in it', async () => {
    const own = await rig.hook('spaced', { TRACKING_RESOURCE_TYPE: 'namespace' });
    await using scene = await aScene({ rig, hook: 'spaced', namespace: 'spaced', size: 1, pdb: false });
    await scene.operator.pause();
    assert.equal((await evictUntil(scene, 'cb-0000', MARKED)).code, 429);
    const events = await scene.until('the Events', async () => {
      const seen = await eventsOf(scene);
      return seen.length >= 2 && seen;
    });
    assert.deepEqual(told(events), [
      ['RescheduleRequested', 'Normal', 1, 'Namespace'],
      ['RescheduleRequested', 'Normal', 1, 'Pod'],
    ]);
    await own.stop();
  });

  test('a renewed certificate is served without a restart (fault 22)', async () => {
    const own = await rig.startHook();
    const before = await servedCertificate(own.webhookPort);
    const dir = own.files.certFile.replace(/[^/]+$/, '');
    await writeServing(dir, await rig.authority.issue());
    await own.waitForLine(({ message }) => message === LOG.certificateLoaded);
    await untilTrue('it to be served', async () => (await servedCertificate(own.webhookPort)) !== before);
    const renewed = await readFile(own.files.certFile, 'utf-8');
    assert.ok(renewed.includes('BEGIN CERTIFICATE'));
  });

  test('SIGTERM: unready, still answering', async () => {
    // However long it takes to ask all this.
    const own = await rig.startHook({ SHUTDOWN_DELAY: '10m' });
    own.kill('SIGTERM');
    await own.waitForLine(({ message }) => message === LOG.stopping);
    const ready = await fetch(`${own.healthUrl}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /it is stopping/);
    assert.equal((await fetch(`${own.healthUrl}/livez`)).status, 200);
    assert.ok(await servedCertificate(own.webhookPort), 'the webhook port still answers');
    own.kill('SIGKILL');
  });

  test('SIGTERM: exit 0 after the delay', async () => {
    const own = await rig.startHook({ SHUTDOWN_DELAY: '1s' });
    own.kill('SIGTERM');
    assert.deepEqual(await own.exited, { code: 0, signal: null });
    assert.ok(own.lines.some(({ message }) => message === LOG.stopped));
  });
});

test('no CouchbaseCluster CRD: ready, marked without an entry, and watched once it is there (fault 14)', async () => {
  const bare = await startRig({ installCrd: false });
  try {
    const own = await bare.hook('default');
    const namespace = 'probe-default';
    const pod = { namespace, name: 'member', labels: { app: 'couchbase', couchbase_cluster: 'cb' } };
    await createPod(bare.client, pod);
    await waitForPod(bare.client, pod);
    // A drain that is over before the hook knows the pod is run again, as an administrator would.
    await untilTrue('a drain to have it marked', async () => {
      const drained = await bare.controlPlane.kubectl(['drain', 'node-1', '--force', '--timeout=1s']);
      assert.notEqual(drained.code, 0);
      return /Reschedule annotation added to pod|\(marked .* ago/.test(drained.stderr);
    });
    const line = await own.waitForLine(({ message }) => message === LOG.untracked);
    assert.equal(line.why, 'no CouchbaseCluster probe-default/cb');
    await installClusterDefinition(bare.client);
    // The kind is looked for every 10 s.
    await own.waitForLine(
      ({ message, kind, count }) => message === 'Listed' && kind === 'couchbaseclusters' && count === 0,
    );
  } finally {
    await bare.stop();
  }
});

/** The fingerprint of the certificate that a port serves. */
function servedCertificate(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}
