import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { couchbaseLabels } from '../../src/rehearsal/member.ts';
import { type Passing, startApiGate } from './support/api-gate.ts';
import { drainPatiently } from './support/drainer.ts';
import { eventsOf } from './support/events.ts';
import { evict } from './support/evict.ts';
import { prepareHook } from './support/own-hook.ts';
import { type Rig, startRig } from './support/rig.ts';
import { aScene, type Scene } from './support/scene.ts';

/** The calls of a drain, in the order in which they come, and of the reconciling after it. */
interface CrashPoint {
  readonly call: string;
  readonly is: (request: Passing, passed: readonly Passing[]) => boolean;
  /** The drain is over by then: the crash is the controller's. */
  readonly isAfterwards?: boolean;
  /** When the Event of one pod may be lost, since the prune that it tells of happens once. */
  readonly mayLoseEvent?: readonly string[];
  /** Not needed where the drainer asks just while the name is gone; so it asks once more. */
  readonly isAskedAgain?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

const MERGE = 'application/merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const isPatchOf = (part: RegExp, type: string) => (request: Passing) =>
  request.method === 'PATCH' && part.test(request.path) && request.contentType === type;
const isGetOf = (path: RegExp) => (request: Passing) =>
  request.method === 'GET' && path.test(request.path) && !request.query.has('watch');
const isEvent = ({ method, path }: Passing) => method === 'POST' && path.endsWith('/events');

const CLUSTER = /\/couchbaseclusters\/cb$/;
const NAMESPACE = /^\/api\/v1\/namespaces\/[^/]+$/;
const isPrune = isPatchOf(CLUSTER, JSON_PATCH);
const BY_NAMESPACE = { TRACKING_RESOURCE_TYPE: 'namespace' };

const POINTS: readonly CrashPoint[] = [
  { call: 'entry', is: isPatchOf(CLUSTER, MERGE) },
  { call: 'mark', is: isPatchOf(/\/pods\/cb-\d+$/, MERGE) },
  { call: 'read-pod', is: isGetOf(/\/pods\/cb-\d+$/) },
  { call: 'read-node', is: isGetOf(/\/nodes\/[^/]+$/), isAskedAgain: true },
  { call: 'prune', is: isPrune, isAfterwards: true, mayLoseEvent: ['after'] },
  { call: 'event', is: isEvent },
  {
    call: 'last-event',
    is: (request, passed) => isEvent(request) && passed.some(isPrune),
    isAfterwards: true,
    mayLoseEvent: ['before', 'after'],
  },
  { call: 'ns-entry', is: isPatchOf(NAMESPACE, MERGE), env: BY_NAMESPACE },
  {
    call: 'ns-prune',
    is: isPatchOf(NAMESPACE, JSON_PATCH),
    isAfterwards: true,
    mayLoseEvent: ['after'],
    env: BY_NAMESPACE,
  },
];
const MEMBERS = ['cb-0000', 'cb-0001'];
const LABEL = 'test/crash-point';

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A hook that sees the pods of its own scene only, behind a gate that kills it once, and starts it again. */
async function aDoomedHook(name: string, point: CrashPoint, when: 'before' | 'after') {
  const env = { POD_LABEL_SELECTOR: `${LABEL}=${name}`, TRACKING_RETENTION: '10s', ...point.env };
  const gate = await startApiGate(rig);
  const token = await rig.access.token(env);
  const hook = await prepareHook(rig, name, { server: gate.url, ca: rig.authority.ca, token });
  await hook.start(env);
  let crash: 'due' | 'begun' | 'over' = 'due';
  gate.rule = (request) => {
    if (crash !== 'due' || !point.is(request, gate.passed)) return undefined;
    crash = 'begun';
    const killAndRestart = async () => {
      hook.kill('SIGKILL');
      await hook.exited;
      void hook.start(env).then(() => {
        crash = 'over';
      });
    };
    return { kind: 'lose', applied: when === 'after', atThat: killAndRestart };
  };
  await rig.register(name, hook.url);
  return { hook, isOver: () => crash === 'over' };
}

/** No Event twice, on whatever object, and of those that tell of a move at most so many are missing. */
async function assertEvents(scene: Scene, mayMiss: number): Promise<void> {
  const events = await scene.until('the Events', async () => {
    const seen = await eventsOf(scene);
    const moves = seen.filter(
      ({ reason, involvedObject }) => reason === 'Rescheduled' && involvedObject.kind === 'Pod',
    );
    return moves.length >= MEMBERS.length - mayMiss && seen;
  });
  const tally = Map.groupBy(events, ({ reason, involvedObject: { kind } }) => `${reason} on ${kind}`);
  for (const [what, { length }] of tally) assert.ok(length <= MEMBERS.length, `${length} times ${what}`);
  for (const { reason, count } of events) assert.equal(count, 1, reason);
}

describe('the hook is killed at one of its calls, and started again', { concurrency: 6 }, () => {
  // Those that wait for the retention first, so that the others run beside them.
  const inOrder = POINTS.toSorted((a, b) => Number(b.isAfterwards ?? false) - Number(a.isAfterwards ?? false));
  for (const point of inOrder) {
    for (const when of ['before', 'after'] as const) {
      const seen = when === 'before' ? 'before the API server has it' : 'when it is done, and nobody has heard';
      test(`${point.call}, ${seen}: one move each, no entry for good, no Event twice`, async (t) => {
        const name = `${point.call}-${when}`;
        const { hook, isOver } = await aDoomedHook(name, point, when);
        t.after(() => hook.stop());
        const labels = (cluster: string, pod: string) => ({ ...couchbaseLabels(cluster, pod), [LABEL]: name });
        const scene = await aScene({ rig, hook: name, namespace: name, pdb: false, operator: { labels } });
        const { problems, answers } = await drainPatiently(scene, scene.node(1));
        t.diagnostic(`answers by code: ${JSON.stringify(answers)}`);
        assert.deepEqual(problems, []);
        await scene.until('the hook to be killed, and back', async () => {
          if (point.isAskedAgain && !isOver()) await evict(scene, 'cb-0000');
          return isOver();
        });
        const entries = point.env === BY_NAMESPACE ? () => scene.namespaceEntries() : () => scene.entries();
        await scene.until('the entries to be pruned', async () => Object.keys(await entries()).length === 0);
        assert.deepEqual(scene.moves, MEMBERS);
        assert.deepEqual(await scene.podsOn(scene.node(1)), []);
        await scene.assertNobodyEvicted();
        await assertEvents(scene, point.mayLoseEvent?.includes(when) ? 1 : 0);
      });
    }
  }
});
