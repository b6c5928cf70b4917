import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LOG } from '../../../src/log/messages.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';
import { startService } from '../support/service.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** The very time after which kubectl asks again, so that its next request meets the exit. No default is like this. */
const SHUTDOWN_DELAY = '8s';
/** So long that whoever closes a connection at that time has closed it before the request arrives. */
const LATENCY_MS = 300;

test('the node of the only replica is drained, three times: what keeps asking never meets a port that closes', async () => {
  const service = await startService({ latencyMs: LATENCY_MS });
  rig.atStop(() => service.close());
  const aReplica = async () => {
    const replica = await rig.startHook({ SHUTDOWN_DELAY });
    service.add(replica.webhookPort);
    await service.untilReady(replica.webhookPort);
    return replica;
  };
  /** Another one takes its place, and it is ended right after it was asked: the API server's connection leads to it. */
  const replace = async (old: RunningHook) => {
    const next = await aReplica();
    const since = old.lines.length;
    await old.waitForLine(({ message }) => message === LOG.waiting, { since });
    old.kill('SIGTERM');
    assert.deepEqual(await old.exited, { code: 0, signal: null });
    service.remove(old.webhookPort);
    return next;
  };
  let replica = await aReplica();
  await rig.register('only', `https://127.0.0.1:${service.port}/eviction`);
  await using scene = await aScene({ rig, hook: 'only', namespace: 'only', size: 1 });
  await scene.operator.pause();
  const drained = scene.drain(scene.node(1));
  await scene.untilMarked('cb-0000');
  for (let i = 0; i < 3; i++) replica = await replace(replica);
  scene.operator.resume();
  const { code, stderr } = await drained;
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /failed calling webhook/);
  assert.deepEqual(scene.moves, ['cb-0000']);
});
