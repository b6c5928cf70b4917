import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCore } from '../../src/core.ts';
import { FakeApi } from '../support/api.ts';
import { NOW, SETTINGS } from '../support/builders.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawNode, aRawPod, markedBy, RESCHEDULE } from '../support/raw.ts';
import { FakeClock, settle, until } from '../support/time.ts';

const MAX_KEYS = 10_000;
let version = 100;

const aMarkedPod = (name: string) =>
  aRawPod({
    metadata: {
      name,
      uid: `uid-${name}`,
      resourceVersion: `${version++}`,
      annotations: { [RESCHEDULE]: 'true' },
      managedFields: markedBy('reschedule-hook', new Date(NOW - 1_000).toISOString()),
    },
  });

/** The core on synced, empty stores, whose Events hang for as long as `hangs` says. */
async function aHangingCore() {
  const api = new FakeApi();
  const answered = Promise.withResolvers<void>();
  api.before = (call) => (call.startsWith('POST') ? answered.promise : undefined);
  const clock = new FakeClock();
  clock.epoch = NOW;
  const leftOut = new Map<string, number>();
  const core = createCore({
    client: api,
    settings: SETTINGS,
    clock,
    random: () => 0,
    log: aLog(),
    instance: 'a',
    on: { onLeftOut: (kind, count) => leftOut.set(kind, (leftOut.get(kind) ?? 0) + count) },
  });
  const { pods, nodes, trackers, project } = core.cache;
  nodes.replace([project.node(aRawNode())]);
  trackers.replace([project.tracker(aRawCluster())]);
  pods.replace([]);
  for (const controller of core.controllers) controller.start();
  await settle();
  return { core, api, answer: () => answered.resolve(), leftOut };
}

/** The pods that Events were written about, in order. */
const told = ({ requests }: FakeApi) => [
  ...new Set(
    requests.flatMap(({ method, body }) => {
      const { regarding, involvedObject } = body as Record<string, { name?: string } | undefined>;
      const about = (regarding ?? involvedObject)?.name;
      return method === 'POST' && about !== undefined && about !== 'cb' ? [about] : [];
    }),
  ),
];

test('Events that hang while marked pods come and go hold 10,000 keys at the most, and no pod that stays is forgotten', async () => {
  const { core, api, answer, leftOut } = await aHangingCore();
  const { pods, project } = core.cache;
  for (const name of ['in-hand-1', 'in-hand-2', 'waits']) pods.put(project.pod(aMarkedPod(name)));
  await settle();
  const lengths: number[] = [];
  for (let i = 0; i < 11_000; i++) {
    const pod = project.pod(aMarkedPod(`p-${i}`));
    pods.put(pod);
    pods.remove({ ...pod, resourceVersion: `${version++}` });
    if (i % 1_000 === 0) await settle();
    lengths.push(Math.max(...core.controllers.map(({ queue }) => queue.length)));
  }
  assert.ok(Math.max(...lengths) <= MAX_KEYS, `${Math.max(...lengths)} keys wait`);
  assert.ok((leftOut.get('requested') ?? 0) >= MAX_KEYS);
  assert.deepEqual([...leftOut.keys()], ['requested'], 'the queues of others are not concerned');
  assert.deepEqual(told(api), ['in-hand-1', 'in-hand-2']);
  answer();
  await until(() => core.controllers.every(({ queue }) => queue.length === 0), 'empty queues');
  await settle();
  assert.deepEqual(told(api), ['in-hand-1', 'in-hand-2', 'waits']);
  await core.stop();
});
