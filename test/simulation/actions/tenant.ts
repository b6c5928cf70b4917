import { ENTRY_PREFIX, entryKey } from '../../../src/policy/entry.ts';
import { profileFor } from '../model/families.ts';
import { SECOND } from '../model/installations.ts';
import { ELSEWHERE, instant, NAMESPACE, shown } from '../model/objects.ts';
import type { Simulation } from '../runs/simulation.ts';
import type { Add } from './action.ts';
import { trackerOf } from './cluster-actions.ts';

const YEAR_MS = 365 * 24 * 3_600_000;
/** More than the hook keeps of a value. */
const LONG = 3_000;

/** So many names, because each of these steps is always possible. */
const ATTACKED = 3;

/** What is true, for entries that lie about some of it. */
interface Truth {
  readonly uid: string;
  readonly node: string;
  readonly nodeUid: string;
  readonly at: string;
}

/** Made-up entries about a pod: what they claim, by the words of a step. */
const CLAIMS: Readonly<Record<string, (truth: Truth, now: number) => object | string>> = {
  'an unknown instance': ({ at }) => ({ uid: 'made-up', node: 'n1', at }),
  'the present instance': (truth) => truth,
  'the present instance, on another node': (truth) => ({ ...truth, node: truth.node === 'n1' ? 'n2' : 'n1' }),
  'that it came back on its node': (truth) => ({ ...truth, uid: 'made-up' }),
  'that it came back nine times': (truth) => ({ ...truth, uid: 'made-up', returns: 9 }),
  'a time to come': (truth, now) => ({ ...truth, at: instant(now + YEAR_MS), firstAt: instant(now + YEAR_MS) }),
  'a time long past': (truth, now) => ({ ...truth, at: instant(now - YEAR_MS), marks: 50, unmarkedBy: 'me' }),
  'that nobody drained its node': (truth) => ({ ...truth, uid: 'made-up', draining: false }),
  'an installation that does not exist': (truth) => ({ ...truth, uid: 'made-up', hook: 'nobody' }),
  'another installation': (truth) => ({ ...truth, uid: 'made-up', hook: SECOND }),
  nothing: () => 'true',
  'what is no JSON': () => '{"uid":',
  'more than an entry can': () => `{"uid":"${'x'.repeat(LONG)}"}`,
};

/** Entries that are about no pod of the namespace. */
const STRAYS: Readonly<Record<string, string>> = {
  'about a pod of another namespace': `${ENTRY_PREFIX}${ELSEWHERE}.cb-0`,
  'about a pod that there never was': `${ENTRY_PREFIX}${NAMESPACE}.nobody`,
  'about no pod': `${ENTRY_PREFIX}junk`,
};

/** Adds what a tenant can do who may write the tracking resource, and who lies. */
export function addTenant(sim: Simulation, add: Add): void {
  const { invariants, names, clock } = sim;
  for (const name of names.slice(0, ATTACKED)) {
    const key = entryKey(NAMESPACE, name);
    for (const [claim, claimedBy] of Object.entries(CLAIMS)) {
      add(1, `a tenant's entry of ${shown(name)} claims ${claim}`, () => {
        const claimed = claimedBy(truthOf(sim, name), clock.now);
        return write(sim, key, typeof claimed === 'string' ? claimed : encoded(name, claimed));
      });
    }
    add(3, `a tenant removes the entry of ${shown(name)}`, () => write(sim, key, undefined));
    add(8, `a tenant puts back the entry of ${shown(name)}`, () => {
      const value = invariants.forgeries.displaced.get(key);
      return value !== undefined && write(sim, key, value);
    });
  }
  for (const [what, key] of Object.entries(STRAYS)) {
    add(2, `a tenant writes an entry ${what}`, () => write(sim, key, encoded('nobody', truthOf(sim, 'cb-0'))));
  }
}

function truthOf({ server, clock }: Simulation, name: string): Truth {
  const { uid = 'made-up', node = 'n1' } = server.pods.get(name) ?? {};
  return { uid, node, nodeUid: server.nodes.get(node)?.uid ?? '', at: instant(clock.now) };
}

const encoded = (name: string, claimed: object) =>
  JSON.stringify(name === shown(name) ? claimed : { ...claimed, pod: `${NAMESPACE}.${name}` });

/** Writes or removes an entry, as anybody may who may edit the tracking resource. */
export function write(
  { server, invariants, variant, names }: Simulation,
  key: string,
  value: string | undefined,
): boolean {
  const about = names.find((name) => entryKey(NAMESPACE, name) === key) ?? '';
  const isOfOthers = profileFor(variant, about)?.tracking === 'namespace';
  // Only the hook may write its ConfigMaps.
  if (isOfOthers && variant.usesConfigMap) return false;
  const isOnNamespace = isOfOthers && variant.tracking !== 'namespace';
  const tracker = trackerOf(server, isOnNamespace ? 'others' : 'trackers');
  if (tracker === undefined || tracker.annotations[key] === value) return false;
  invariants.forgeries.add(key, { before: tracker.annotations[key], value });
  const { [key]: _, ...others } = tracker.annotations;
  server.changeTracker(tracker, value === undefined ? others : { ...others, [key]: value });
  return true;
}
