import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { JsonObject } from '../../../src/kube/client.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { type Asking, askHook, newAgent, tally } from './asking.ts';
import type { GatedHook } from './behind-gate.ts';
import { callsOf, metric } from './evict.ts';
import type { Rig } from './rig.ts';
import type { Ward } from './ward.ts';

export interface FaultedHook extends GatedHook {
  readonly rig: Rig;
  readonly ward: Ward;
}

const PATIENCE = { everyMs: 100 };
/** What a watch is given up for that nothing else ended: a hook that learns of a fault in this way alone was hanging. */
const SILENCE = /no event or bookmark for/;
const LIST_PATHS = {
  pods: '/api/v1/pods',
  nodes: '/api/v1/nodes',
  couchbaseclusters: '/apis/couchbase.com/v2/couchbaseclusters',
} as const;
export type Kind = keyof typeof LIST_PATHS;
export const KINDS = Object.keys(LIST_PATHS) as Kind[];

/** How many objects of a kind the hook's cache holds. */
export const cached = (hook: HookProcess, kind: Kind) =>
  metric(hook, 'reschedule_hook_cache_objects', new RegExp(`kind="${kind}"`));

/** How many there are that the hook watches. */
async function counted({ client }: Pick<Rig, 'client'>, kind: Kind): Promise<number> {
  const query = kind === 'pods' ? { labelSelector: 'app=couchbase' } : {};
  const list = await client.json({ method: 'GET', path: LIST_PATHS[kind], query });
  return (list.items as readonly JsonObject[]).length;
}

/** Waits until the cache holds as many objects of a kind as there are. */
export async function untilCounted(rig: Rig, hook: HookProcess, kind: Kind): Promise<void> {
  await until(
    `the cache to hold all ${kind}`,
    async () => {
      const there = await counted(rig, kind);
      const held = await cached(hook, kind);
      if (held !== there) throw new NotYet(`${held} of ${there}`);
    },
    PATIENCE,
  );
}

/** One object more of each kind, and when the cache had it. */
export interface Change {
  /** The pod among them. */
  readonly pod: string;
  /** A pod that was marked before that one was made. */
  readonly byHand: string;
  /** For each kind when it was made, and when the cache was first seen to have it. */
  readonly shown: Promise<ReadonlyMap<Kind, { readonly madeAt: number; readonly shownAt: number }>>;
}

let rounds = 0;

/**
 * Creates one object of each kind, for none of which a kubelet is needed, and begins to look for them in the cache. What is
 * looked at is how many objects it holds: nothing may be deleted until they are shown.
 */
export async function makeChange(
  { rig, hook, ward }: Pick<FaultedHook, 'rig' | 'hook' | 'ward'>,
  kinds: readonly Kind[] = KINDS,
): Promise<Change> {
  const name = `after-${++rounds}`;
  const byHand = `by-hand-${rounds}`;
  const make: Record<Kind, () => Promise<unknown>> = {
    pods: () => ward.addPod(name, { quiet: true, running: false }),
    nodes: () => {
      const metadata = { name: `${ward.namespace}-${name}` };
      const body = { apiVersion: 'v1', kind: 'Node', metadata, spec: { unschedulable: true } };
      return rig.client.json({ method: 'POST', path: '/api/v1/nodes', body });
    },
    couchbaseclusters: () => ward.addCluster(name),
  };
  await ward.addPod(byHand, { quiet: true, running: false });
  await ward.markByHand(byHand);
  const made = new Map<Kind, { madeAt: number; there: number }>();
  for (const kind of kinds) {
    await make[kind]();
    const madeAt = performance.now();
    made.set(kind, { madeAt, there: await counted(rig, kind) });
  }
  const show = async (kind: Kind, { madeAt, there }: { madeAt: number; there: number }) => {
    const isThere = async () => {
      const held = await cached(hook, kind);
      if (held < there) throw new NotYet(`${held} of ${there}`);
    };
    await until(`${name} among the ${kind} of the cache`, isThere, { ...PATIENCE, everyMs: 20 });
    return [kind, { madeAt, shownAt: performance.now() }] as const;
  };
  const shown = Promise.all([...made].map(([kind, about]) => show(kind, about))).then((times) => new Map(times));
  // Whoever made the change asks for this later, and is told of a failure then.
  shown.catch(() => undefined);
  return { pod: name, byHand, shown };
}

export interface Recovery {
  /** When the fault was over, on the monotonic clock. */
  readonly since: number;
  readonly asking: Asking;
  readonly kinds?: readonly Kind[];
  /** One that was made during the fault; without it one is made now. */
  readonly change?: Change;
  /** Where nothing but the silence of its watches tells the hook. */
  readonly bySilence?: boolean;
}

/**
 * Shows that the cache has what came after a fault, in every kind. It tells how long that took from when the fault was over
 * and the change was made, whichever came later. The new pod must be marked, and a mark that somebody else put on before
 * must be answered from the cache, without any call. Then there must be one watch of each kind, and never have been two.
 * Ends the asking, whose answers must all have been right.
 */
export async function untilRight(t: TestContext, faulty: FaultedHook, recovery: Recovery): Promise<void> {
  const { hook, ward, gate } = faulty;
  const { since, asking, kinds = KINDS, bySilence = false } = recovery;
  const line = hook.lines.length;
  const change = recovery.change ?? (await makeChange(faulty, kinds));
  const times = [...(await change.shown)].map(([kind, { madeAt, shownAt }]) => {
    const tookMs = Math.max(0, Math.round(shownAt - Math.max(since, madeAt)));
    return { kind, tookMs };
  });
  t.diagnostic(`right again: ${times.map(({ kind, tookMs }) => `${kind} ${tookMs} ms`).join(', ')}`);
  const silent = hook.lines.slice(line).filter(({ error }) => SILENCE.test(String(error)));
  if (!bySilence) assert.deepEqual(silent, [], 'that is no recovery, but a hang');

  await Promise.all(kinds.map((kind) => untilCounted(faulty.rig, hook, kind)));
  await assertOneWatch(gate, kinds);
  const agent = newAgent();
  try {
    const ask = (pod: string) => askHook(agent, hook, ward.namespace, pod);
    await untilMarked(() => ask(change.pod));
    await asking.untilClear();
    await asking.stop();
    t.diagnostic(tally(asking));
    await assertFromCache(hook, () => ask(change.byHand));
  } finally {
    await agent.destroy();
  }
}

async function untilMarked(ask: () => Promise<{ code: number; message: string }>): Promise<void> {
  const codes = new Set<number>();
  await until(
    'the new pod to be marked',
    async () => {
      const { code, message } = await ask();
      codes.add(code);
      // Over a slow network the answer can be due before the mark is done, and the next one says so.
      if (!/annotation added|\(marked .* by reschedule-hook/.test(message)) throw new NotYet(message);
    },
    PATIENCE,
  );
  assert.deepEqual([...codes], [429]);
}

/** A watch that was not closed would stay open for minutes; one that has just ended may have no successor yet. */
async function assertOneWatch({ watches }: FaultedHook['gate'], kinds: readonly Kind[]): Promise<void> {
  const expected = kinds.map((kind) => [LIST_PATHS[kind], { open: 1, most: 1 }]);
  const isSo = async () => assert.deepEqual(Object.fromEntries(watches), Object.fromEntries(expected));
  await until('one watch of each kind, and never a second one beside it', isSo, PATIENCE);
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
