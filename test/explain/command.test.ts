import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { explainPod } from '../../src/explain/command.ts';
import { parseExplain } from '../../src/explain/flags.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { aCluster } from '../preflight/scene.ts';
import type { FakeApi } from '../support/api.ts';
import { refusal } from '../support/api.ts';
import { MINUTE, NOW } from '../support/builders.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';
import { FakeClock } from '../support/time.ts';

const ago = (ms: number) => new Date(NOW - ms).toISOString();
const POD = '/api/v1/namespaces/db/pods/cb-0000';
const EVENTS = '/api/v1/namespaces/db/events';

const event = (by: string, ms: number, reason: string): JsonObject => ({
  involvedObject: { kind: 'CouchbaseCluster', name: 'cb' },
  reason,
  message: 'so it is',
  lastTimestamp: ago(ms),
  source: { component: by },
});

/** A pod that was marked so long ago, on a cordoned node. */
function aDrain(markedMs: number): FakeApi {
  const api = aCluster();
  const metadata = { annotations: { [RESCHEDULE]: 'true' }, managedFields: markedBy('reschedule-hook', ago(markedMs)) };
  const node = aRawNode({ spec: { unschedulable: true } });
  api.lists.set('/api/v1/namespaces/db/pods', [aRawPod({ metadata })]);
  api.lists.set('/apis/couchbase.com/v2/namespaces/db/couchbaseclusters', [aRawCluster()]);
  api.lists.set('/api/v1/nodes', [node]);
  api.lists.set(EVENTS, [
    event('couchbase-operator', 2 * MINUTE, 'Older'),
    event('couchbase-operator', MINUTE, 'RebalanceFailed'),
    event('default-scheduler', 1_000, 'Scheduled'),
    event('reschedule-hook', 3 * MINUTE, 'RescheduleRequested'),
  ]);
  api.put(POD, aRawPod({ metadata }));
  api.put('/api/v1/nodes/node-1', node);
  return api;
}

async function run(args: readonly string[], client: FakeApi, contextNamespace?: string) {
  const clock = new FakeClock();
  const printed: string[] = [];
  const complaints: string[] = [];
  const code = await explainPod(parseExplain(args, 'hook explain'), {
    client,
    clock: {
      now: () => NOW,
      monotonicNow: clock.monotonicNow,
      setTimer: (callback, ms) => clock.setTimer(callback, ms),
      giveWay: () => clock.giveWay(),
    },
    random: () => 0,
    env: {},
    readFile: () => '',
    contextNamespace,
    print: (text) => void printed.push(text),
    complain: (line) => void complaints.push(line),
    stop: new AbortController().signal,
  });
  return { code, printed: printed.join(''), complaints };
}

describe('reschedule-hook explain', () => {
  test('of a pod that its operator is to move: 0, and only reads', async () => {
    const cluster = aDrain(MINUTE);
    const { code, printed, complaints } = await run(['cb-0000', '-n', 'db'], cluster);
    assert.deepEqual([code, complaints], [0, []]);
    assert.deepEqual([...new Set(cluster.requests.map(({ method }) => method))], ['GET']);
    assert.match(printed, /^Pod db\/cb-0000: a drain waits for it\.$/m);
    assert.match(printed, /^node +node-1, draining \(cordoned\)$/m);
    assert.match(printed, /settings and profiles read from Deployment hooks\/hook\.$/m);
    assert.match(
      printed,
      /^its Event +1m ago, by couchbase-operator on CouchbaseCluster cb: RebalanceFailed: so it is$/m,
    );
    assert.match(printed, /^hook's Event +3m ago, by reschedule-hook/m);
  });

  test('of a stalled pod: 1', async () => {
    const { code, printed } = await run(['db/cb-0000', '-o', 'json'], aDrain(20 * MINUTE));
    assert.equal(code, 1);
    const { state, reason, next } = JSON.parse(printed) as { state: string; reason: string; next: string };
    assert.deepEqual([state, reason], ['stuck', 'Stalled']);
    assert.match(next, /^The pod was marked over 15m ago and the operator of CouchbaseCluster cb has not moved it/);
  });

  test('of a pod that is not there: 0', async () => {
    const cluster = aDrain(MINUTE);
    cluster.lists.set('/api/v1/namespaces/db/pods', []);
    cluster.objects.delete(POD);
    const { code, printed } = await run(['cb-0000', '-n', 'db'], cluster);
    assert.equal(code, 0);
    assert.match(printed, /^There is no pod db\/cb-0000\.$/m);
    assert.match(printed, /^if not +Look whether its name and its namespace are right\.$/m);
  });

  test('the namespace is that of the context, as it is for kubectl', async () => {
    for (const name of ['cb-0000', 'pod/cb-0000']) {
      const { printed } = await run([name], aDrain(MINUTE), 'db');
      assert.match(printed, /^Pod db\/cb-0000: a drain waits for it\.$/m);
    }
  });

  test('without the right to list Events it says the rest', async () => {
    const cluster = aDrain(MINUTE);
    cluster.before = (_, { path }) => {
      if (path === EVENTS) throw refusal(403);
    };
    const { code, printed } = await run(['cb-0000', '-n', 'db'], cluster);
    assert.equal(code, 0);
    assert.match(printed, /^its Event +not known: Events cannot be read$/m);
    assert.match(printed, /^hook's Event +not known: Events cannot be read$/m);
  });

  test('that cannot begin ends with 2', async () => {
    const cluster = aDrain(MINUTE);
    cluster.leave();
    const { code, printed, complaints } = await run(['cb-0000', '-n', 'db'], cluster);
    assert.deepEqual([code, printed], [2, '']);
    assert.match(complaints[0] ?? '', /ECONNREFUSED/);
  });

  test('needs the name of one pod', () => {
    assert.throws(() => parseExplain([], 'hook explain'), /name the pod/);
    assert.throws(() => parseExplain(['a', 'b'], 'hook explain'), /more than one POD/);
    assert.throws(() => parseExplain(['a', '-n', 'B!'], 'hook explain'), /is not the name of a namespace|which is not/);
  });
});
