import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { startEmbedded } from '../../rehearsal/embedded-api/cluster.ts';
import { readConfig } from '../../src/config/config.ts';
import { LOG } from '../../src/log/messages.ts';
import { createMetrics } from '../../src/metrics.ts';
import { LEAVING_MS } from '../../src/reload/profile-plan.ts';
import { followProfiles } from '../../src/serving.ts';
import { connect } from '../../testkit/connect.ts';
import { aLog } from '../support/log.ts';
import { FakeClock, settle } from '../support/time.ts';
import { untilTrue } from '../support/until-true.ts';

const profile = (name: string, tracking = 'off') => `
- name: ${name}
  selector: app=${name}
  mark: {annotation: ${name}.example/move, value: "true"}
  names: new
  tracking: ${tracking}`;
const file = (...profiles: string[]) => `profiles:${profiles.join('')}`;

/** What serves on an embedded API, with a pod of each app on node-1, and the file that it follows. */
async function aFollower(t: TestContext, first: string, ...apps: string[]) {
  const cluster = await startEmbedded({ nodes: 1 });
  t.after(() => cluster.stop());
  const { client, close } = await connect(cluster.kubeconfigPath);
  t.after(close);
  for (const app of apps) {
    const spec = { nodeName: 'node-1', containers: [{ name: 'a', image: 'a' }] };
    const metadata = { name: app, labels: { app } };
    await client.json({ method: 'POST', path: '/api/v1/namespaces/default/pods', body: { metadata, spec } });
  }
  const [clock, log, world] = [new FakeClock(), aLog(), { text: first }];
  clock.epoch = Date.now();
  const configOf = (text: string) => readConfig({ PROFILES_FILE: 'profiles.yaml' }, () => text);
  const followed = followProfiles(configOf(first), {
    client,
    clock,
    log,
    random: () => 0,
    instance: 'a',
    metrics: createMetrics({ version: '0', nodeVersion: '0' }),
    profilesFile: { read: () => world.text, parse: (text) => configOf(text).profiles },
  });
  followed.start();
  t.after(() => followed.stop());
  await untilTrue('a synced cache', () => log.messages().includes(LOG.synced));
  const evict = async (name: string) => {
    const request = { isEviction: true, namespace: 'default', name, username: 'drainer', dryRun: false };
    const { kind, reason } = await followed.serving().core.admitter.admit(request, new AbortController().signal);
    return `${kind} ${reason}`;
  };
  /** The next look at the file, until it says so often that profiles have changed. */
  const look = async (changes: number) => {
    await clock.advance(5_000);
    const changed = () => log.messages().filter((message) => message === LOG.profilesChanged).length;
    await untilTrue(`${changes} changes`, () => changed() >= changes);
  };
  return { world, clock, log, client, followed, evict, look };
}

test('a profile that is added protects at once, and one that is removed for five minutes more', async (t) => {
  const { world, clock, followed, evict, look } = await aFollower(t, file(profile('a')), 'a', 'b');
  const { protectedPods } = followed;
  const told: string[] = [];
  protectedPods.subscribe(({ kind, key }) => kind !== 'updated' && told.push(`${kind} ${key}`));
  assert.deepEqual([await evict('a'), await evict('b')], ['mark Marked', 'allow NotSelected']);
  const first = followed.serving();
  world.text = file(profile('b'));
  await look(1);
  assert.notEqual(followed.serving(), first);
  assert.deepEqual([await evict('a'), await evict('b')], ['deny Waiting', 'mark Marked']);
  assert.deepEqual([told.shift(), protectedPods.labelSelectors], ['added default/b', ['app in (b)', 'app in (a)']]);
  await clock.advance(LEAVING_MS - 15_000);
  assert.equal(await evict('a'), 'deny Waiting');
  await clock.advance(10_000);
  await look(2);
  assert.deepEqual([await evict('a'), await evict('b')], ['allow NotSelected', 'deny Waiting']);
  assert.deepEqual([told.at(-1), protectedPods.labelSelectors], ['removed default/a', ['app in (b)']]);
  assert.equal(protectedPods.hasSynced, true);
});

test('what is remembered of marks and of earlier instances outlives a change of profiles', async (t) => {
  const { world, client, followed, evict, look } = await aFollower(t, file(profile('a')), 'a', 'b');
  const node = { method: 'PATCH', path: '/api/v1/nodes/node-1', contentType: 'application/merge-patch+json' } as const;
  await client.json({ ...node, body: { spec: { unschedulable: true } } });
  assert.equal(await evict('a'), 'mark Marked');
  const { cache } = followed.serving();
  const mark = cache.markMemory.get('default/a', cache.pods.get('default/a')?.uid ?? '');
  world.text = file(profile('a'), profile('b'));
  await look(1);
  const now = followed.serving().cache;
  assert.notEqual(now, cache);
  assert.ok(mark);
  assert.deepEqual(now.markMemory.get('default/a', mark.uid), mark);
  await client.json({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/a', body: { gracePeriodSeconds: 0 } });
  await untilTrue('its end', () => now.earlierInstances.get('default/a') !== undefined);
  world.text = file(profile('b'));
  await look(2);
  assert.equal(followed.serving().cache.earlierInstances.get('default/a')?.uid, mark.uid);
});

test('an instance that ended while the new lists were made is not forgotten', async (t) => {
  const { world, client, followed, evict, look, clock } = await aFollower(t, file(profile('a')), 'a', 'b');
  assert.equal(await evict('a'), 'mark Marked');
  const { cache } = followed.serving();
  await untilTrue(
    'the mark',
    () => cache.podIndex.marked.get('a') === 1 || cache.pods.get('default/a')?.mark?.matches === true,
  );
  const uid = cache.pods.get('default/a')?.uid;
  // The old watch hears of nothing any more, as over a connection that is half open.
  await cache.stop();
  await client.json({ method: 'DELETE', path: '/api/v1/namespaces/default/pods/a', body: { gracePeriodSeconds: 0 } });
  world.text = file(profile('a'), profile('b'));
  await look(1);
  assert.equal(cache.earlierInstances.get('default/a'), undefined);
  assert.equal(followed.serving().cache.earlierInstances.get('default/a')?.uid, uid);
  await clock.advance(0);
});

test('what served before is freed, the first of all too', async (t) => {
  const { world, clock, followed, look } = await aFollower(t, file(profile('a')), 'a', 'b');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const held = () => new WeakRef(followed.serving().cache.pods);
  const before = [held()];
  world.text = file(profile('a'), profile('b'));
  await look(1);
  before.push(held());
  world.text = file(profile('a'));
  await clock.advance(5_000);
  await clock.advance(LEAVING_MS);
  await look(2);
  await untilTrue('both to be freed', () => {
    collect();
    return before.every((one) => one.deref() === undefined);
  });
});

test('profiles that cannot be listed, or need a right that is missing, leave those before in force', async (t) => {
  const { world, clock, log, client, followed, evict, look } = await aFollower(t, file(profile('a')), 'a', 'b');
  const json = client.json.bind(client);
  let isListed = false;
  let mayPatch = false;
  client.json = async (request) => {
    const { path, query, body } = request;
    const { resource, verb } =
      (body as { spec?: { resourceAttributes?: Record<string, string> } })?.spec?.resourceAttributes ?? {};
    if (resource === 'namespaces' && verb === 'patch' && !mayPatch) return { status: { allowed: false } };
    if (path === '/api/v1/pods' && `${query?.labelSelector}`.includes('b') && !isListed) throw new Error('no list');
    return json(request);
  };
  const first = followed.serving();
  world.text = file(profile('a'), profile('b', 'namespace'));
  await clock.advance(5_000);
  await untilTrue('the missing right', () => followed.profilesProblem() !== undefined);
  assert.match(followed.profilesProblem() ?? '', /permissions are missing: patch namespaces/);
  await clock.advance(5_000);
  await settle();
  const missing = log.lines.filter(({ message }) => message === LOG.permissionMissing);
  assert.equal(missing.length, 1, 'said once');
  mayPatch = true;
  await clock.advance(5_000);
  // It lists again and again, as long as it may take.
  for (let i = 0; i < 25; i++) await clock.advance(5_000);
  await untilTrue('the lists', () => /has not synced/.test(followed.profilesProblem() ?? ''));
  assert.equal(followed.serving(), first);
  assert.deepEqual([await evict('a'), await evict('b')], ['mark Marked', 'allow NotSelected']);
  isListed = true;
  await look(1);
  assert.equal(followed.profilesProblem(), undefined);
  assert.equal(await evict('b'), 'mark Marked');
});
