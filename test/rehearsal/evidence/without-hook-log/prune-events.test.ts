import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type EmbeddedCluster, startEmbedded } from '../../../../rehearsal/embedded-api/cluster.ts';
import { Recorder } from '../../../../rehearsal/evidence/recorder.ts';
import { Timeline } from '../../../../rehearsal/evidence/timeline.ts';
import { watchPrunes } from '../../../../rehearsal/evidence/without-hook-log/prune-events.ts';
import { createEmitEvent, type EventReason } from '../../../../src/kube/events.ts';
import { LOG } from '../../../../src/log/messages.ts';
import { type Connected, connect } from '../../../../testkit/connect.ts';
import { createNamespace } from '../../../../testkit/couchbase/workload.ts';
import { viewPod } from '../../../../testkit/pods.ts';
import { NotYet, until } from '../../../../testkit/until.ts';

const ENDING = {
  scenario: { name: 's', title: 't', about: 'a' },
  startedAt: '2026-01-01T00:00:00.000Z',
  versions: {},
  checks: [],
  figures: [],
};

let cluster: EmbeddedCluster;
let connected: Connected;

before(async () => {
  cluster = await startEmbedded({ nodes: 1 });
  connected = await connect(cluster.kubeconfigPath);
});
after(async () => {
  await connected?.close();
  await cluster?.stop();
});

for (const [what, namespace] of [
  ['one namespace', 'one'],
  ['all namespaces', undefined],
] as const) {
  test(`entries that are pruned are told of by the Events of the hook, in ${what}, each once`, async () => {
    const { client } = connected;
    const home = namespace ?? 'two';
    await createNamespace(client, home);
    const emit = createEmitEvent(client, 'hook-0');
    const write = (name: string, reason: EventReason, on = false) =>
      emit({
        about: { namespace: home, name, uid: `uid-${name}` },
        ...(on ? { on: { apiVersion: 'v1', kind: 'Namespace', name: home, uid: 'x' } } : {}),
        reason,
        type: 'Normal',
        message: 'The pod was moved',
        now: new Date(),
      });
    await write('before', 'Rescheduled');
    const clock = { at: 0 };
    const recorder = new Recorder({ monotonicNow: () => clock.at, clusterOf: () => 'cb' });
    const onHappening = recorder.happened.bind(recorder);
    const said: string[] = [];
    const timeline = new Timeline({ monotonicNow: () => clock.at, write: (line) => said.push(line), onHappening });
    recorder.start();
    for (const name of ['before', 'a', 'b', 'last']) {
      recorder.pod('created', viewPod({ metadata: { namespace: home, name, uid: `uid-${name}` } }));
    }
    let lists = 0;
    const counting = {
      ...client,
      json: (call: Parameters<typeof client.json>[0]) => client.json(call).finally(() => lists++),
    };
    const stop = watchPrunes(counting, namespace, recorder, timeline);
    const seen = async (what: string, isSo: () => boolean) =>
      until(what, async () => {
        if (!isSo()) throw new NotYet('not so far');
      });
    await seen('the list', () => lists > 0);
    clock.at = 7_000;
    await write('a', 'Rescheduled');
    await write('a', 'Rescheduled', true);
    await write('b', 'RescheduleStalled');
    // The watch begins anew with a list, which tells of the same Events.
    cluster.compact();
    cluster.endWatches();
    await write('last', 'Rescheduled');
    await seen('the last one', () => said.some((line) => line.includes('uid-last')));
    await stop();
    const { pods } = recorder.record(ENDING);
    assert.deepEqual(
      pods.map(({ name, marks }) => [name, marks]),
      [
        ['before', {}],
        ['a', { pruned: [7_000] }],
        ['b', {}],
        ['last', { pruned: [7_000] }],
      ],
    );
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', new RegExp(`hook +${LOG.rescheduled} +a +uid-a +The pod was moved$`));
  });
}
