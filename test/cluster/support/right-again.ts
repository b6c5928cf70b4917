import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import type { HookProcess } from '../../../src/rehearsal/hook-process.ts';
import { NotYet, until } from '../../../src/rehearsal/until.ts';
import { workerNode } from '../nodes.ts';
import { type Asking, askHook, newAgent, tally } from './asking.ts';
import { callsOf, metric } from './evict.ts';
import type { Rig } from './rig.ts';
import type { Ward } from './ward.ts';

export interface FaultedHook {
  readonly rig: Rig;
  readonly hook: HookProcess;
  readonly ward: Ward;
}

const PATIENCE = { timeoutMs: 120_000, everyMs: 100 };
const KINDS = {
  pods: '/api/v1/pods?labelSelector=app%3Dcouchbase',
  nodes: '/api/v1/nodes',
  couchbaseclusters: '/apis/couchbase.com/v2/couchbaseclusters',
} as const;
export type Kind = keyof typeof KINDS;

/** How many objects of a kind the hook's cache holds. */
export const cached = (hook: HookProcess, kind: Kind) =>
  metric(hook, 'reschedule_hook_cache_objects', new RegExp(`kind="${kind}"`));

/** Waits until the cache holds as many objects of a kind as there are. */
export async function untilCounted(rig: Rig, hook: HookProcess, kind: Kind): Promise<void> {
  const [path = '', query] = KINDS[kind].split('?');
  const labelSelector = query && new URLSearchParams(query).get('labelSelector');
  await until(
    `the cache to hold all ${kind}`,
    async () => {
      const list = await rig.client.json({ method: 'GET', path, query: labelSelector ? { labelSelector } : {} });
      const there = (list.items as readonly JsonObject[]).length;
      const held = await cached(hook, kind);
      if (held !== there) throw new NotYet(`${held} of ${there}`);
    },
    PATIENCE,
  );
}

let rounds = 0;

/**
 * Shows that the cache has what came after a fault, in every kind, and tells how long that took from `since` on: a new pod
 * is known, so that it is marked; a new node and a new cluster are counted; a mark that somebody else put on before is
 * answered from the cache, without any call. Ends the asking, whose answers must all have been right.
 */
export async function untilRight(
  t: TestContext,
  { rig, hook, ward }: FaultedHook,
  { since, asking, kinds = ['pods', 'nodes', 'couchbaseclusters'] }: { since: number; asking: Asking; kinds?: Kind[] },
): Promise<void> {
  const name = `after-${++rounds}`;
  const byHand = `by-hand-${rounds}`;
  await ward.addPod(byHand, { quiet: true });
  await ward.markByHand(byHand);
  if (kinds.includes('couchbaseclusters')) await ward.addCluster(name);
  await rig.client.json({ method: 'POST', path: '/api/v1/nodes', body: workerNode(`${ward.namespace}-${name}`) });
  await ward.addPod(name, { quiet: true });

  const agent = newAgent();
  try {
    const ask = (pod: string) => askHook(agent, hook, ward.namespace, pod);
    await until(
      `${name} to be marked`,
      async () => {
        const { code, message } = await ask(name);
        assert.equal(code, 429, message);
        if (!/annotation added/.test(message)) throw new NotYet(message);
      },
      PATIENCE,
    );
    await Promise.all(kinds.map((kind) => untilCounted(rig, hook, kind)));
    t.diagnostic(`cache right again after ${Math.round(performance.now() - since)} ms`);
    await asking.stop();
    t.diagnostic(tally(asking));
    await assertFromCache(hook, () => ask(byHand));
  } finally {
    await agent.destroy();
  }
}

/** Its mark is older than what the cache is known to have, so the first answer has to know of it. */
async function assertFromCache(hook: HookProcess, ask: () => Promise<{ message: string }>): Promise<void> {
  const { message } = await ask();
  assert.match(message, /^Pod waiting to be rescheduled( \(marked .*\))?$/);
  // A watch of a kind that has just been renewed, or the controller, may make a call of its own now and then.
  await until(
    'an answer without any call',
    async () => {
      const before = await callsOf(hook);
      await ask();
      assert.deepEqual(await callsOf(hook), before);
    },
    PATIENCE,
  );
}
