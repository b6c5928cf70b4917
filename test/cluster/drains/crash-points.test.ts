import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import { COUCHBASE_CLUSTER, resourcePath } from '../../../testkit/couchbase/couchbasecluster-crd.ts';
import { couchbaseLabels } from '../../../testkit/couchbase/member.ts';
import { untilTrue } from '../../support/until-true.ts';
import { startApiGate } from '../support/api-gate.ts';
import { BY_NAMESPACE, type CrashPoint, MEMBERS, POINTS } from '../support/crash-points.ts';
import { byDepth, DEPTH } from '../support/depth.ts';
import { killAt, settled, WHEN, type When } from '../support/doom.ts';
import { drainPatiently } from '../support/drainer.ts';
import { eventsOf } from '../support/events.ts';
import { evict } from '../support/evict.ts';
import { prepareHook } from '../support/own-hook.ts';
import { type Rig, startRig } from '../support/rig.ts';
import { aScene, type Scene } from '../support/scene.ts';

const LABEL = 'test/crash-point';
/** Well over what a slow machine may take between two questions of a drainer: an entry that went sooner would cost a second move. */
const TRACKING_RETENTION = '30s';
/** Two starts of the hook lie within, on a machine that may have much else to do. */
const PATIENCE = { everyMs: 200 };

let rig: Rig;

before(async () => {
  rig = await startRig();
});

after(() => rig?.stop());

/** A hook that sees the pods of its own scene only, behind a gate that kills it once; then it is started again. */
async function aDoomedHook(name: string, point: CrashPoint, when: When) {
  const env = { POD_LABEL_SELECTOR: `${LABEL}=${name}`, TRACKING_RETENTION, ...point.env };
  const gate = await startApiGate(rig);
  const token = await rig.access.token(env);
  const hook = await prepareHook(rig, name, { server: gate.url, ca: rig.authority.ca, token });
  const killed = killAt(
    gate,
    hook,
    point.doom(() => touch(name)),
    when,
  );
  const isBack = settled(killed.then(() => hook.start(env)));
  await hook.start(env);
  await rig.register(name, hook.url);
  return { hook, isBack };
}

/** Somebody else writes the cluster. */
function touch(namespace: string): Promise<unknown> {
  const path = resourcePath(COUCHBASE_CLUSTER, namespace, 'cb');
  const body = { metadata: { annotations: { 'test/touched': 'yes' } } };
  return rig.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
}

/** Each move is told on its pod, and no Event is there twice, on whatever object. */
async function assertEvents(scene: Scene): Promise<void> {
  const events = await eventsOf(scene);
  const tally = Map.groupBy(events, ({ reason, involvedObject: { kind } }) => `${reason} on ${kind}`);
  assert.equal(tally.get('Rescheduled on Pod')?.length, MEMBERS.length, 'moves that are told');
  for (const [what, { length }] of tally) assert.ok(length <= MEMBERS.length, `${length} times ${what}`);
  for (const { reason, count } of events) assert.equal(count, 1, reason);
}

async function crashAndCheck(t: TestContext, point: CrashPoint, when: When): Promise<void> {
  const name = `${point.call}-${when}`;
  const { hook, isBack } = await aDoomedHook(name, point, when);
  t.after(() => hook.stop());
  const labels = (cluster: string, pod: string) => ({ ...couchbaseLabels(cluster, pod), [LABEL]: name });
  const operator = { labels, periodMs: 300, recreateDelayMs: 1 };
  await using scene = await aScene({ rig, hook: name, namespace: name, nodes: 2, pdb: false, operator });
  await point.lead?.({ scene, hook, isBack });
  const { problems, answers } = await drainPatiently(scene, scene.node(1), PATIENCE);
  t.diagnostic(`answers by code: ${JSON.stringify(answers)}`);
  assert.deepEqual(problems, []);
  const isBackOrAsked = async () => {
    if (point.isAskedAgain && !isBack()) await evict(scene, MEMBERS[0]);
    return isBack();
  };
  await untilTrue('the hook to be killed, and back', isBackOrAsked, PATIENCE);
  const entries = point.env === BY_NAMESPACE ? () => scene.namespaceEntries() : () => scene.entries();
  await untilTrue('no entry to be left', async () => Object.keys(await entries()).length === 0, PATIENCE);
  assert.deepEqual(scene.moves, MEMBERS);
  assert.deepEqual(await scene.podsOn(scene.node(1)), []);
  await scene.assertNobodyEvicted();
  await assertEvents(scene);
}

describe(`the hook is killed at one of its calls, and started again, ${DEPTH}`, { concurrency: 7 }, () => {
  // Those that wait for the retention first, so that the others run beside them.
  const isLong = ({ isAfterwards, lead }: CrashPoint) => Number(isAfterwards === true || lead !== undefined);
  for (const [i, point] of POINTS.toSorted((a, b) => isLong(b) - isLong(a)).entries()) {
    // At every call, and as often before it as after it.
    const whens = byDepth([i % 2 === 0 ? 'before' : 'after'] as const, ['before', 'after'] as const);
    for (const when of whens) {
      test(`${point.call}, ${WHEN[when]}: one move each, no entry for good, no Event lost or twice`, (t) =>
        crashAndCheck(t, point, when));
    }
  }
});
