import { after, before, describe, type TestContext, test } from 'node:test';
import type { TcpProxy } from '../../support/tcp-proxy.ts';
import { type Asking, keepAsking, untilAnswered } from '../support/asking.ts';
import { prepareBehindProxy } from '../support/behind-gate.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { type FaultedHook, KINDS, makeChange, untilCounted, untilRight } from '../support/right-again.ts';
import { aWard, type Ward } from '../support/ward.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A hook behind a proxy of its own; its cache has all there is, and one of its pods is marked. */
async function aFaultyHook(name: string): Promise<FaultedHook & { proxy: TcpProxy }> {
  const gated = await prepareBehindProxy(rig, name);
  const [ward] = await Promise.all([aWard(rig, name), gated.hook.start()]);
  await ward.markByHand('marked');
  await untilCounted(rig, gated.hook, 'pods');
  return { rig, ward, ...gated };
}

interface Faulty extends FaultedHook {
  readonly proxy: TcpProxy;
  readonly asking: Asking;
  /** How many lines the hook had written when the fault began. */
  readonly line: number;
}

interface Fault {
  readonly what: string;
  readonly name: string;
  begin(proxy: TcpProxy, ward: Ward): void | Promise<void>;
  /** What shows that the fault has done its work; the proxy is told to pass after it. */
  untilFelt(faulty: Faulty): Promise<unknown>;
  /** The hook is right again while the fault goes on, so the time counts from the change alone. */
  readonly heals?: boolean;
  /** The fault has moments in which a change may come through, so that it is made when the fault is over. */
  readonly isPorous?: boolean;
  /** Nothing but the silence of its watches tells the hook. */
  readonly bySilence?: boolean;
}

async function untilInterrupted({ hook, line: since }: Faulty): Promise<void> {
  for (const kind of KINDS) {
    const isIt = (line: { message: string; kind?: unknown }) =>
      line.message === 'Watch interrupted' && line.kind === kind;
    await hook.waitForLine(isIt, { since });
  }
}

const FAULTS: readonly Fault[] = [
  { what: 'reset', name: 'reset', begin: (proxy) => proxy.reset(), untilFelt: untilInterrupted, isPorous: true },
  {
    what: 'hang: connections open and dead, also new ones',
    name: 'hang',
    begin: (proxy) => proxy.hang(),
    untilFelt: async ({ ward, asking }) => {
      await ward.addPod('unseen');
      await untilAnswered(asking, 3, /the answer was due before the API server had answered/);
    },
  },
  {
    what: 'half-open: the watches are dead, nobody says so, and new connections pass',
    name: 'half-open',
    // The pod at once: on a slow machine the watches could be given up before, and the new ones would tell of it.
    begin: (proxy, ward) => {
      proxy.halfOpen();
      return ward.addPod('unseen', { running: false });
    },
    untilFelt: async (faulty) => {
      // Which of them depends on how long a read takes here: either is about this pod, whose watch is dead.
      await untilAnswered(faulty.asking, 3, /cache has not seen this pod yet|the answer was due before/);
      await untilInterrupted(faulty);
    },
    heals: true,
    bySilence: true,
  },
  {
    what: 'delay: everything comes late',
    name: 'delay',
    begin: (proxy) => proxy.delay(250),
    untilFelt: ({ ward }) => ward.addPod('seen-late'),
    heals: true,
  },
  {
    what: 'cut: watches that end in the middle of an event, again and again',
    name: 'cut',
    begin: (proxy) => proxy.cutAfter(2_500),
    // Each pod is told in several events of more than a kilobyte.
    untilFelt: async ({ ward, proxy }) => {
      for (let n = 1; proxy.cuts < 6; n++) await ward.addPod(`cut-${n}`);
    },
    isPorous: true,
  },
];

async function suffer(t: TestContext, fault: Fault): Promise<void> {
  const { begin, untilFelt, heals = false, isPorous = false, bySilence = false } = fault;
  const faulty = await aFaultyHook(fault.name);
  const { hook, ward, proxy } = faulty;
  const asking = await keepAsking(rig, hook, ward);
  const line = hook.lines.length;
  await begin(proxy, ward);
  const change = isPorous ? undefined : await makeChange(faulty);
  await asking.cordonSuccessor();
  await untilFelt({ ...faulty, asking, line });
  if (!heals) proxy.pass();
  const since = heals ? 0 : performance.now();
  await untilRight(t, faulty, { since, asking, ...(change && { change }), bySilence });
}

describe('a network that misbehaves between the hook and the API server', { concurrency: 3 }, () => {
  for (const fault of FAULTS) test(fault.what, (t) => suffer(t, fault));
});
