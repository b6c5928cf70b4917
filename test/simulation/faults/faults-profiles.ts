import type { Cache } from '../../../src/cache/cache.ts';
import type { Pod } from '../../../src/policy/model.ts';
import type { Observation } from '../../../src/policy/observation.ts';
import type { Family } from '../model/families.ts';
import { DRAINERS, type Variant } from '../runs/variant.ts';
import type { Fault } from './fault.ts';

/** An operator that moves whatever is marked, in place. */
const EAGER: Family = {
  prefix: 'kf',
  app: 'kafka',
  profile: {
    name: 'kafka',
    mark: { key: 'example.com/move-kf', value: 'true', match: 'exact' },
    names: 'reused',
    tracking: 'namespace',
  },
  requires: false,
  moves: 'inPlace',
  isGraceful: false,
  isSerial: false,
  shards: 1,
};

const LIMITED: Family = { ...EAGER, profile: { ...EAGER.profile, maxConcurrent: 1 } };
const WITHDRAWING: Family = { ...EAGER, profile: { ...EAGER.profile, withdraws: true } };
const BY_PRESENCE: Family = {
  ...EAGER,
  profile: { ...EAGER.profile, mark: { ...EAGER.profile.mark, value: '{now}', match: 'present' } },
};

/** One family, and little that goes wrong beside it. */
function alone(family: Family): Partial<Variant> {
  const drainers = [DRAINERS.kubectl, DRAINERS.clusterApi, DRAINERS.windows];
  const calm = { second: 'none', forges: false, hangs: 'never', stripsMarks: 'never', pinsPods: false } as const;
  return {
    families: [family],
    catchesAll: false,
    usesConfigMap: false,
    tracking: 'namespace',
    toleratesCordon: false,
    ...calm,
    drainers,
  };
}

const inTurn = (who: string, calls: number) =>
  Array.from({ length: calls }, () => [`${who}'s call is carried out`, `${who}'s call is answered`]).flat();

const EVICTED = ['kubectl-0 starts on n1', 'kubectl-0 lists', 'r0 is told everything', 'kubectl-0 evicts kf-0 at r0'];
/** A mark, and its drain is given up. The controller has read the pod, and reads the node. */
const GIVEN_UP = [
  ...EVICTED,
  ...inTurn('t0', 2),
  't0 is answered',
  'r0 is told everything',
  ...inTurn('r0', 1),
  'kubectl-0 gives up and uncordons',
  'r0 is told everything',
  '40s pass',
  ...inTurn('r0', 1),
];
/** Only one of two replicas is told that a pod was restarted, and marks it. The other one is asked about the next pod. */
const KNOWN_TO_ONE = [
  'operator of kf restarts kf-0',
  'operator of kf creates kf-0',
  'scheduler puts kf-0 on n1',
  'kf-0 is ready',
  ...EVICTED,
  ...inTurn('t0', 5),
  't0 is answered',
  'kubectl-0 evicts kf-1 at r1',
  ...inTurn('t0', 5),
];

/** The group as the cache has it passes for one that was read live. */
function withCachedGroup(seen: Observation): Observation {
  const { group } = seen;
  return group.kind === 'present' ? { ...seen, group: { ...group, from: 'live' } } : seen;
}

function withReadyGroup(seen: Observation): Observation {
  const { group } = seen;
  if (group.kind !== 'present') return seen;
  return { ...seen, group: { ...group, value: group.value.map((pod) => ({ ...pod, ready: true })) } };
}

/** The cache in which every mark is the hook's own. */
function withOwnMarks(cache: Cache): Cache {
  const own = (pod: Pod): Pod => (pod.mark?.by === undefined ? pod : { ...pod, mark: ownMark(pod.mark) });
  const pods = Object.create(cache.pods, {
    get: {
      value: (key: string) => {
        const pod = cache.pods.get(key);
        return pod && own(pod);
      },
    },
    assume: { value: (pod: Pod) => cache.pods.assume(pod) },
    values: { value: () => cache.pods.values() },
  }) as Cache['pods'];
  return { ...cache, pods, project: { ...cache.project, pod: (object) => own(cache.project.pod(object)) } };
}

const ownMark = ({ isForeign: _isForeign, isShared: _isShared, ...mark }: NonNullable<Pod['mark']>) => mark;

/** Faults in what profiles say: (n), (o), (p) and (q). */
export const FAULTS_OF_PROFILES: readonly Fault[] = [
  {
    what: 'the entry of a group counts whatever was written to its tracking resource meanwhile',
    violates: 'n',
    variant: { ...alone(LIMITED), replicas: 2 },
    mutation: { mark: ({ isLocked: _isLocked, ...mark }) => mark },
  },
  {
    what: 'a group is counted by what the cache has of it',
    violates: 'n',
    variant: { ...alone(LIMITED), replicas: 2 },
    begins: KNOWN_TO_ONE,
    mutation: { observation: withCachedGroup },
  },
  {
    what: 'a pod of a group that is not ready does not count',
    violates: 'n',
    variant: alone(LIMITED),
    mutation: { observation: withReadyGroup },
  },
  {
    what: 'a mark is taken back whatever its value is',
    violates: 'o',
    variant: { ...alone({ ...BY_PRESENCE, profile: { ...BY_PRESENCE.profile, withdraws: true } }), marksByHand: true },
    begins: [...GIVEN_UP, ...inTurn('r0', 1), 'somebody unmarks kf-0', 'somebody marks kf-0'],
    mutation: {
      writes: (writes) => ({
        ...writes,
        unmarkPod: (pod, mark, signal) =>
          writes.unmarkPod(pod, { ...mark, value: undefined as unknown as string }, signal),
      }),
    },
  },
  {
    what: 'a mark is taken back whichever instance has it',
    violates: 'o',
    variant: { ...alone(WITHDRAWING), marksByHand: true },
    begins: [
      ...GIVEN_UP,
      ...inTurn('r0', 1),
      'operator of kf deletes kf-0',
      'operator of kf creates kf-0',
      'somebody marks kf-0',
    ],
    mutation: {
      writes: (writes) => ({
        ...writes,
        unmarkPod: ({ uid: _uid, ...pod }, ...rest) =>
          writes.unmarkPod(pod as Parameters<typeof writes.unmarkPod>[0], ...rest),
      }),
    },
  },
  {
    what: "somebody else's mark is taken back",
    violates: 'o',
    variant: { ...alone(WITHDRAWING), marksByHand: true },
    mutation: { reconcilerCache: withOwnMarks },
  },
  {
    what: 'a mark is taken back while its node is draining, as nobody reads that live',
    violates: 'o',
    variant: alone(WITHDRAWING),
    begins: [...GIVEN_UP, 'kubectl-0 starts on n1'],
    mutation: { withdrawsByCache: true },
  },
  {
    what: 'a mark that was taken back counts as one that was taken away',
    violates: 'o',
    variant: alone(WITHDRAWING),
    begins: [...GIVEN_UP, ...inTurn('r0', 3), 'kubectl-0 starts on n1', 'kubectl-0 lists'],
    mutation: { countsWithdrawn: true },
  },
  {
    what: 'a pod gets the mark of the last profile that selects it',
    violates: 'p',
    variant: { ...alone(EAGER), catchesAll: true },
    mutation: { settings: (settings) => ({ ...settings, profiles: settings.profiles.toReversed() }) },
  },
  {
    what: 'a mark is written whatever somebody has done to the pod since, though any value is one',
    violates: 'q',
    variant: { ...alone(BY_PRESENCE), marksByHand: true },
    mutation: {
      writes: (writes) => ({
        ...writes,
        markPod: ({ resourceVersion: _version, ...pod }, ...rest) => writes.markPod(pod, ...rest),
      }),
    },
  },
];
