import { after, before, describe, type TestContext, test } from 'node:test';
import type { TcpProxy } from '../support/tcp-proxy.ts';
import { type Asking, keepAsking, untilAnswered } from './support/asking.ts';
import { type Rig, startRig } from './support/rig.ts';
import { type FaultedHook, untilCounted, untilRight } from './support/right-again.ts';
import { aWard } from './support/ward.ts';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A hook behind a proxy of its own; its cache has all there is, and one of its pods is marked. */
async function aFaultyHook(name: string): Promise<FaultedHook & { proxy: TcpProxy }> {
  const [{ hook, proxy }, ward] = await Promise.all([rig.hookBehindProxy(), aWard(rig, name)]);
  await ward.markByHand('marked');
  await untilCounted(rig, hook, 'pods');
  return { rig, hook, ward, proxy };
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
  begin(proxy: TcpProxy): void;
  /** What shows that the fault has done its work; the proxy is told to pass after it. */
  untilFelt(faulty: Faulty): Promise<unknown>;
  /** The watches notice by themselves while the fault goes on, so the time counts from its beginning. */
  readonly heals?: boolean;
}

async function untilInterrupted({ hook, line: since }: Faulty): Promise<void> {
  for (const kind of ['pods', 'nodes', 'couchbaseclusters']) {
    const isIt = (line: { message: string; kind?: unknown }) =>
      line.message === 'Watch interrupted' && line.kind === kind;
    await hook.waitForLine(isIt, { since, timeoutMs: 180_000 });
  }
}

const FAULTS: readonly Fault[] = [
  { what: 'reset', name: 'reset', begin: (proxy) => proxy.reset(), untilFelt: untilInterrupted },
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
    begin: (proxy) => proxy.halfOpen(),
    untilFelt: async (faulty) => {
      await faulty.ward.addPod('unseen');
      await untilAnswered(faulty.asking, 3, /cache has not seen this pod yet/);
      await untilInterrupted(faulty);
    },
    heals: true,
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
  },
];

async function suffer(t: TestContext, { name, begin, untilFelt, heals = false }: Fault): Promise<void> {
  const faulty = await aFaultyHook(name);
  const { hook, ward, proxy } = faulty;
  const asking = keepAsking(rig, hook, ward);
  const line = hook.lines.length;
  const began = performance.now();
  begin(proxy);
  await untilFelt({ ...faulty, asking, line });
  const since = heals ? began : performance.now();
  if (!heals) proxy.pass();
  await untilRight(t, faulty, { since, asking });
}

describe('a network that misbehaves between the hook and the API server', { concurrency: 3 }, () => {
  for (const fault of FAULTS) test(fault.what, (t) => suffer(t, fault));
});
