import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createCache } from '../../../src/cache/cache.ts';
import { LOG } from '../../../src/log/messages.ts';
import type { HindranceSource } from '../../../src/policy/profiles/hindrance.ts';
import { FakeApi, refusal } from '../../support/api.ts';
import { aPod, PROFILE, SETTINGS } from '../../support/builders.ts';
import { aLog } from '../../support/log.ts';
import { FakeClock, settle } from '../../support/time.ts';

const KAFKAS: HindranceSource = {
  kind: 'Kafka',
  group: 'kafka.example',
  plural: 'kafkas',
  label: 'cluster',
  reports: [{ path: ['spec', 'paused'], is: 'true', word: 'Paused' }],
};
const MIRRORS: HindranceSource = { ...KAFKAS, kind: 'Mirror', plural: 'mirrors' };
const PROFILE_OF_BOTH = { ...PROFILE, hindrances: [KAFKAS, MIRRORS] };
const POD = aPod({ labels: { app: 'couchbase', cluster: 'k' } });

const resource = (paused: boolean, version: string, name = 'k') => ({
  metadata: { namespace: 'db', name, uid: `uid-${name}`, resourceVersion: version },
  spec: { paused },
});

/** A running cache on an API server that serves the kinds in those versions, the preferred one first. */
async function aRunningCache(t: TestContext, served: Record<string, readonly string[]>) {
  const [api, clock, log] = [new FakeApi(), new FakeClock(), aLog()];
  for (const path of ['/api/v1/pods', '/api/v1/nodes', '/apis/couchbase.com/v2/couchbaseclusters']) {
    api.lists.set(path, []);
  }
  const publish = (kinds: Record<string, readonly string[]>) => {
    const versions = [...new Set(Object.values(kinds).flat())].map((version) => ({ version }));
    api.put('/apis', { groups: [{ name: 'kafka.example', versions, preferredVersion: versions[0] }] });
    for (const { version } of versions) {
      const resources = Object.entries(kinds).flatMap(([name, all]) => (all.includes(version) ? [{ name }] : []));
      api.put(`/apis/kafka.example/${version}`, { resources });
    }
  };
  publish(served);
  const settings = { ...SETTINGS, profiles: [PROFILE_OF_BOTH] };
  const cache = createCache({
    client: api,
    settings,
    clock,
    random: () => 0,
    log: (level, message, fields) => log[level](message, fields),
  });
  t.after(() => cache.stop());
  return { cache, api, clock, log, publish, word: () => cache.hindrances.reported(POD, PROFILE_OF_BOTH).reported };
}

test('what the custom resource of a pod reports is known, in the version that the API server prefers, and followed', async (t) => {
  const { cache, api, word } = await aRunningCache(t, { kafkas: ['v2', 'v1'], mirrors: ['v1'] });
  api.lists.set('/apis/kafka.example/v2/kafkas', [resource(true, '5')]);
  api.lists.set('/apis/kafka.example/v1/mirrors', [resource(true, '5')]);
  cache.start();
  await settle();
  assert.deepEqual(word(), { kind: 'Kafka', name: 'k', word: 'Paused' });
  assert.deepEqual(cache.hindrances.reported(aPod({ namespace: 'other', labels: POD.labels }), PROFILE_OF_BOTH), {});
  api.send('/apis/kafka.example/v2/kafkas', 'MODIFIED', resource(false, '2000'));
  await settle();
  assert.deepEqual(word(), { kind: 'Mirror', name: 'k', word: 'Paused' }, 'the next one that reports something');
});

test('a kind that is not served, or may not be read, holds nobody up and fills no log', async (t) => {
  const { cache, api, clock, log, word, publish } = await aRunningCache(t, { mirrors: ['v1'] });
  let mayRead = false;
  api.before = (call) => {
    if (call.includes('mirrors') && !mayRead) throw refusal(403, { reason: 'Forbidden' });
  };
  cache.start();
  await settle();
  assert.equal(cache.hasSynced(), true);
  assert.deepEqual(
    cache.freshness().map(({ kind }) => kind),
    ['pods', 'nodes', 'couchbaseclusters'],
  );
  const shown = log.lines.filter(({ level, message }) => level !== 'debug' && message !== LOG.listed);
  assert.deepEqual([word(), shown], [undefined, []]);
  publish({ kafkas: ['v1'], mirrors: ['v1'] });
  api.lists.set('/apis/kafka.example/v1/kafkas', [resource(true, '5')]);
  api.lists.set('/apis/kafka.example/v1/mirrors', []);
  mayRead = true;
  await clock.advance(60_000);
  assert.deepEqual(word(), { kind: 'Kafka', name: 'k', word: 'Paused' });
});

test('a version that the operator drops is not asked for again', async (t) => {
  const { cache, api, clock, word, publish } = await aRunningCache(t, { kafkas: ['v1'] });
  api.lists.set('/apis/kafka.example/v1/kafkas', [resource(false, '5')]);
  cache.start();
  await settle();
  publish({ kafkas: ['v2'] });
  api.lists.delete('/apis/kafka.example/v1/kafkas');
  api.lists.set('/apis/kafka.example/v2/kafkas', [resource(true, '2001')]);
  api.feeds.get('/apis/kafka.example/v1/kafkas')?.fail(refusal(410, { reason: 'Expired' }));
  await clock.advance(120_000);
  assert.equal(word()?.word, 'Paused');
});
