import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LOG } from '../../../src/log/messages.ts';
import { eventsOf } from '../support/events.ts';
import { type EvictionAnswer, evict } from '../support/evict.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { startService } from '../support/service.ts';

const SIZE = 6;
const HANDS = 3;

let rig: Rig;
let replicas: readonly [RunningHook, RunningHook];

before(async () => {
  rig = await startRig();
  const settings = { TRACKING_RETENTION: '30s' };
  replicas = await Promise.all([rig.startHook(settings), rig.startHook(settings)]);
  const service = await startService();
  rig.atStop(() => service.close());
  for (const { webhookPort } of replicas) service.add(webhookPort);
  await rig.register('pair', `https://127.0.0.1:${service.port}/eviction`);
});

after(() => rig?.stop());

/** Ends a replica where it stands, with no chance to finish anything, and starts it again. */
async function crash(replica: RunningHook): Promise<void> {
  replica.kill('SIGKILL');
  assert.deepEqual(await replica.exited, { code: null, signal: 'SIGKILL' });
  await replica.start();
}

/** Evicts one name again and again, as a drainer that takes an error for a reason to try again; 404 ends it. */
async function evictUntilGone(scene: Scene, pod: string): Promise<EvictionAnswer[]> {
  const answers: EvictionAnswer[] = [];
  for (;;) {
    const answer = await evict(scene, pod);
    answers.push(answer);
    if (answer.code === 404) return answers;
    // Not to spare the hook: an API server that is asked without a pause answers nobody else.
    await sleep(20);
  }
}

const linesOf = (message: string) => replicas.flatMap(({ lines }) => lines.filter((line) => line.message === message));

test('two replicas, no leader: evictions from all sides, each replica killed in turn, and every pod moves once', async (t) => {
  await using scene = await aScene({ rig, hook: 'pair', namespace: 'pair', size: SIZE, operator: { periodMs: 500 } });
  const before = await scene.pods();
  const names = before.map(({ name }) => name);
  await scene.operator.pause();
  await scene.cordon(scene.node(1));
  const hands = Promise.all(names.flatMap((name) => Array.from({ length: HANDS }, () => evictUntilGone(scene, name))));

  // While they are marked.
  for (const replica of replicas) await crash(replica);
  await Promise.all(names.map((name) => scene.untilMarked(name)));

  // While they move.
  scene.operator.resume();
  const drain = { isOver: false };
  const over = hands.finally(() => {
    drain.isOver = true;
  });
  let crashes = 2;
  while (!drain.isOver) await crash(replicas[crashes++ % 2 === 0 ? 0 : 1]);
  const answers = (await over).flat();
  const codes = Map.groupBy(answers, ({ code }) => code);
  t.diagnostic(
    `${crashes} crashes; answers: ${[...codes].map(([code, all]) => `${all.length} of ${code}`).join(', ')}`,
  );
  assert.equal(codes.get(201), undefined, 'an eviction was let through');
  // 500 is the API server's own word for a webhook that broke off; it fails closed.
  for (const { code, message } of answers) {
    assert.ok(
      [404, 429].includes(code) || (code === 500 && /failed calling webhook/.test(message)),
      `${code} ${message}`,
    );
  }

  // While their entries are pruned: whoever prunes first is killed for it.
  const first = await scene.until('the first prune', () =>
    replicas.find(({ lines }) => lines.some(({ message }) => message === LOG.rescheduled)),
  );
  await crash(first);
  await scene.until('the entries to be pruned', async () => Object.keys(await scene.entries()).length === 0);

  assert.deepEqual(scene.moves, names, 'each moved once');
  await scene.assertNobodyEvicted();
  const now = await scene.pods();
  assert.deepEqual(
    now.map(({ name }) => name),
    names,
  );
  assert.deepEqual(
    now.filter(({ node }) => node === scene.node(1)),
    [],
  );
  const uids = (pods: readonly { uid: string }[]) => pods.map(({ uid }) => uid).sort();
  const marked = new Set(linesOf(LOG.marked).map(({ uid }) => String(uid)));
  for (const uid of marked) assert.ok(uids(before).includes(uid), 'no successor was marked');

  // Two of each: on the pod, and on its CouchbaseCluster.
  const events = await scene.until('every Event', async () => {
    const seen = await eventsOf(scene);
    return seen.length >= 4 * SIZE && seen;
  });
  assert.equal(events.length, 4 * SIZE);
  assert.deepEqual(new Set(events.map(({ count }) => count)), new Set([1]));
  const onPods = (reason: string) =>
    uids(
      events
        .filter((event) => event.reason === reason && event.involvedObject.kind === 'Pod')
        .map((event) => event.involvedObject),
    );
  assert.deepEqual(onPods('RescheduleRequested'), uids(before));
  assert.deepEqual(onPods('Rescheduled'), uids(now));
  const onCluster = events.filter(({ involvedObject }) => involvedObject.kind === 'CouchbaseCluster');
  for (const reason of ['RescheduleRequested', 'Rescheduled']) {
    const about = onCluster
      .filter((event) => event.reason === reason)
      .map(({ message }) => /^Pod (\S+) /.exec(message)?.[1]);
    assert.deepEqual(about.sort(), names);
  }
});
