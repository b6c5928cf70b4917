import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { NotYet, until } from '../../../testkit/until.ts';
import { KubeletReminder } from '../../soak/kubelets.ts';
import { CountingPods } from '../support/counting-pods.ts';
import { byDepth } from '../support/depth.ts';
import { drainPatiently } from '../support/drainer.ts';
import { metric } from '../support/evict.ts';
import { inTurn } from '../support/in-turn.ts';
import type { RunningHook } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';
import { knownToHook, TwoApiServers } from '../support/two-api-servers.ts';

/*
 * Two API servers behind a balancer. The second one can lag: what it tells its watches is then old, and what it reads from
 * etcd is new but late. Every lag is felt while it lasts, and every move of the balancer, or the test fails.
 */
const LAG_MS = 500;
const ROUNDS = byDepth(1, 3);
const OPERATOR = { periodMs: 150, recreateDelayMs: 300, rebalanceMs: 300 };

let servers: TwoApiServers;

before(async () => {
  servers = await TwoApiServers.start();
});

after(() => servers?.rig.stop());

/** Two hooks that are asked in turn about the namespaces of that name. */
async function twoHooks(name: string): Promise<readonly RunningHook[]> {
  const { rig } = servers;
  await until('the client to have new connections', () => rig.client.json({ method: 'GET', path: '/version' }));
  const hooks = await Promise.all([rig.startHook(), rig.startHook()]);
  const service = await inTurn(
    await rig.authority.issue(),
    hooks.map(({ webhookPort }) => webhookPort),
  );
  rig.atStop(() => service.close());
  await rig.register(name, service.url);
  return hooks;
}

/** Waits until they have decided so many more evictions. */
async function untilDecided(hooks: readonly RunningHook[], more: number): Promise<void> {
  const decided = async () => {
    const counts = await Promise.all(hooks.map((hook) => metric(hook, 'reschedule_hook_decisions_total')));
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const wanted = (await decided()) + more;
  await until('evictions to be decided', async () => {
    const now = await decided();
    if (now < wanted) throw new NotYet(`${now} of ${wanted}`);
  });
}

/** Drains a node that has pods, with every other node free. Returns their names. */
async function drainOne(scene: Scene): Promise<readonly string[]> {
  const [{ node = '' } = {}] = await scene.pods();
  const pods = await scene.podsOn(node);
  const { answers, problems } = await drainPatiently(scene, node);
  assert.deepEqual(problems, []);
  assert.ok(pods.length > 0 && answers[404] === pods.length, `${pods.length} pods: ${JSON.stringify(answers)}`);
  return pods;
}

describe('two API servers on one etcd', () => {
  test('a cache never goes back in time while its watches move, one server lags, and both are restarted', async (t) => {
    const { rig, one, two } = servers;
    const namespace = 'counted';
    await one.client.json({ method: 'POST', path: '/api/v1/namespaces', body: { metadata: { name: namespace } } });
    const counting = new CountingPods({ namespace, client: rig.client, near: one.client });
    rig.atStop(() => counting.stop());
    await counting.start();
    for (let round = 0; round < ROUNDS; round++) {
      await counting.reopened(() => servers.moveTo(two));
      await servers.late(LAG_MS, [], async () => {
        await counting.untilBehind();
        for (const isForgotten of [false, true]) {
          await counting.reopened(() => servers.moveTo(one));
          await counting.untilTold();
          // The cache is ahead of what this server tells now.
          await counting.reopened(() => servers.moveTo(two), isForgotten);
          await counting.untilBehind();
        }
      });
      await servers.rollingRestart();
      await counting.untilTold();
    }
    await counting.settle();
    assert.deepEqual(counting.backwards, []);
    t.diagnostic(`${counting.lists} lists, ${Math.max(...counting.counts.values())} writes of a pod`);
  });

  test('S2, S4: two hooks, a drain, one server that lags, a rolling restart: each pod moves once', async (t) => {
    const { rig, one, two } = servers;
    servers.moveTo(one);
    const hooks = await twoHooks('several');
    const caches = hooks.map(knownToHook);
    await using scene = await aScene({
      rig,
      hook: 'several',
      namespace: 'several',
      size: 6,
      pdb: false,
      operator: OPERATOR,
    });
    // KWOK starts again with its API server, and may overlook a pod then.
    const kubelets = new KubeletReminder(rig.client, 'several');
    rig.atStop(() => kubelets.stop());
    await servers.moveAndHear([two], ...hooks);
    let draining: ReturnType<typeof drainPatiently> | undefined;
    await servers.late(LAG_MS, caches, async () => {
      draining = drainPatiently(scene, scene.node(1));
      await Promise.race([draining, untilDecided(hooks, 6)]);
    });
    await servers.moveAndHear([one, two], ...hooks);
    await servers.rollingRestart();
    const { answers, problems } = (await draining) ?? assert.fail('nothing was drained');
    await kubelets.stop();
    t.diagnostic(`answers: ${JSON.stringify(answers)}; reminded: ${kubelets.count}`);
    assert.deepEqual(problems, []);
    assert.deepEqual(scene.movesAskedFor, ['cb-0000', 'cb-0001', 'cb-0002', 'cb-0003', 'cb-0004', 'cb-0005']);
    await scene.assertNobodyEvicted();
  });

  test('S2, S3: pods that have moved are on a node whose cordon only the other server has told of', async (t) => {
    const { rig, one, two } = servers;
    // Their watches are on the second server, and new connections for their calls go to the first one.
    servers.moveTo(two);
    const hooks = await twoHooks('unseen');
    const caches = hooks.map(knownToHook);
    servers.balancer.use([one.port]);
    // Drainer and operator reach the first server alone.
    await using scene = await aScene({
      rig: { ...rig, client: one.client },
      hook: 'unseen',
      namespace: 'unseen',
      size: 3,
      pdb: false,
      operator: OPERATOR,
    });
    const freeAll = async () => {
      for (const node of scene.nodes) await scene.cordon(node, false);
      await servers.untilTold(...caches);
    };
    const moved = [...(await drainOne(scene))];
    await freeAll();
    let draining: ReturnType<typeof drainOne> | undefined;
    await servers.frozen(caches, async () => {
      draining = drainOne(scene);
      await Promise.race([draining, untilDecided(hooks, 2)]);
    });
    moved.push(...((await draining) ?? []));
    await freeAll();
    await servers.moveAndHear([two], ...hooks);
    await servers.late(LAG_MS, caches, async () => {
      moved.push(...(await drainOne(scene)));
    });
    t.diagnostic(`${moved.length} moves`);
    assert.deepEqual(scene.movesAskedFor, moved.sort());
    await scene.assertNobodyEvicted();
  });
});
