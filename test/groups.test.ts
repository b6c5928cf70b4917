import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readConfig } from '../src/config/config.ts';
import { policySettingsOf } from '../src/config/policy-settings.ts';
import { podPath } from '../src/kube/paths.ts';
import { evict, type Pair, Pause, startPair } from './support/pair.ts';
import { untilTrue } from './support/until-true.ts';

const settings = policySettingsOf(readConfig({ PROFILES: 'tidb-v1-tikv' }));
const LABELS = {
  'app.kubernetes.io/managed-by': 'tidb-operator',
  'app.kubernetes.io/name': 'tidb-cluster',
  'app.kubernetes.io/component': 'tikv',
  'app.kubernetes.io/instance': 'basic',
};
const MARK = 'tidb.pingcap.com/evict-leader';
const STORES = ['tikv-0', 'tikv-1', 'tikv-2'];
/** More than an admission takes. */
const CALLS_MAX = 12;

let pair: Pair;

before(async () => {
  pair = await startPair(settings, LABELS);
});

after(() => pair?.stop());

describe('two replicas, and a profile of which one pod of a group may be under way', () => {
  for (const when of ['before', 'after'] as const) {
    test(`never mark two, wherever one of them pauses ${when} a call`, async () => {
      let at = 1;
      for (; at < CALLS_MAX; at++) {
        const namespace = `${when}-${at}`;
        await pair.members(namespace, STORES);
        const { isPaused, answers } = await pair.evictBoth(namespace, ['tikv-0', 'tikv-1'], new Pause(at, when));
        const who = await pair.marked(namespace, MARK);
        assert.equal(who.length, 1, `${namespace}: ${who}; ${answers}`);
        assert.equal(answers.filter((answer) => answer === 'mark Marked').length, 1, `${namespace}: ${answers}`);
        assert.ok(answers.includes('deny GroupBusy'), `${namespace}: ${answers}`);
        if (!isPaused) break;
      }
      assert.ok(at > 4 && at < CALLS_MAX, `an admission makes ${at - 1} calls`);
    });
  }

  test('a store that is away keeps the others waiting until it is back and Ready', async () => {
    const namespace = 'away';
    await pair.members(namespace, STORES);
    assert.equal(await evict(pair.one, namespace, 'tikv-0'), 'mark Marked');
    assert.equal(await evict(pair.other, namespace, 'tikv-1'), 'deny GroupBusy');
    await pair.client.json({ method: 'DELETE', path: podPath(namespace, 'tikv-0'), body: { gracePeriodSeconds: 0 } });
    await untilTrue('its end', () => pair.one.core.cache.pods.get(`${namespace}/tikv-0`) === undefined);
    assert.equal(await evict(pair.one, namespace, 'tikv-1'), 'deny GroupBusy', 'nothing has taken its place');
    await pair.create(namespace, 'tikv-0');
    await untilTrue('its successor', () => pair.one.core.cache.pods.get(`${namespace}/tikv-0`)?.ready === true);
    assert.equal(await evict(pair.one, namespace, 'tikv-1'), 'mark Marked');
    assert.deepEqual(await pair.marked(namespace, MARK), ['tikv-1']);
  });

  test('many evictions at once: one is marked', async () => {
    const namespace = 'many';
    await pair.members(namespace, STORES);
    const answers = await Promise.all(
      [pair.one, pair.other].flatMap((replica) => STORES.map((name) => evict(replica, namespace, name))),
    );
    assert.equal((await pair.marked(namespace, MARK)).length, 1, `${answers}`);
    assert.ok(
      answers.every((answer) => /^mark Marked|^deny (GroupBusy|Waiting|Doubt)/.test(answer)),
      `${answers}`,
    );
  });
});
