import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readConfig } from '../src/config/config.ts';
import { policySettingsOf } from '../src/config/policy-settings.ts';
import { podPath } from '../src/kube/paths.ts';
import { evict, type Pair, Pause, startPair } from './support/pair.ts';
import { untilTrue } from './support/until-true.ts';

const MARK = 'example.com/move';
const FILE = `profiles: [{name: ours, selector: app=ours, mark: {annotation: ${MARK}, value: "true"}, names: new, tracking: namespace, respectBudgets: true}]`;
const settings = policySettingsOf(readConfig({ PROFILES_FILE: '/f' }, () => FILE));
const MEMBERS = ['m-0', 'm-1', 'm-2'];
const PDB = 'poddisruptionbudgets';
/** More than an admission takes. */
const CALLS_MAX = 24;

let pair: Pair;

before(async () => {
  pair = await startPair(settings, { app: 'ours', kept: 'nowhere' });
});

after(() => pair?.stop());

/** A budget whose status has been computed. The cache of the hook does not keep the label that it selects by. */
async function budget(namespace: string, spec: object = { minAvailable: 2 }): Promise<void> {
  const path = `/apis/policy/v1/namespaces/${namespace}/${PDB}`;
  const body = { metadata: { name: 'b' }, spec: { selector: { matchLabels: { kept: 'nowhere' } }, ...spec } };
  await pair.client.json({ method: 'POST', path, body });
  await untilTrue('its status', async () => {
    const { status } = await pair.client.json({ method: 'GET', path: `${path}/b` });
    return ((status ?? {}) as { expectedPods?: number }).expectedPods === MEMBERS.length;
  });
}

describe('two replicas, and a profile whose disruption budgets are respected', () => {
  for (const when of ['before', 'after'] as const) {
    test(`never mark two where one may go, wherever one of them pauses ${when} a call`, async () => {
      let at = 1;
      for (; at < CALLS_MAX; at++) {
        const namespace = `b-${when}-${at}`;
        await pair.members(namespace, MEMBERS);
        await budget(namespace);
        const { isPaused, answers } = await pair.evictBoth(namespace, ['m-0', 'm-1'], new Pause(at, when));
        const who = await pair.marked(namespace, MARK);
        assert.equal(who.length, 1, `${namespace}: ${who}; ${answers}`);
        assert.ok(answers.includes('deny BudgetExhausted'), `${namespace}: ${answers}`);
        if (!isPaused) break;
      }
      assert.ok(at > 5 && at < CALLS_MAX, `an admission makes ${at - 1} calls`);
    });
  }

  test('a pod that is away counts, and so does what is not Ready', async () => {
    const namespace = 'b-away';
    await pair.members(namespace, MEMBERS);
    await budget(namespace);
    assert.equal(await evict(pair.one, namespace, 'm-0'), 'mark Marked');
    assert.equal(await evict(pair.other, namespace, 'm-1'), 'deny BudgetExhausted');
    const body = { gracePeriodSeconds: 0 };
    await pair.client.json({ method: 'DELETE', path: podPath(namespace, 'm-0'), body });
    await untilTrue('its end', () => pair.one.core.cache.pods.get(`${namespace}/m-0`) === undefined);
    assert.equal(await evict(pair.one, namespace, 'm-1'), 'deny BudgetExhausted');
    await pair.create(namespace, 'm-3');
    await untilTrue('its successor', () => pair.one.core.cache.pods.get(`${namespace}/m-3`)?.ready === true);
    assert.equal(await evict(pair.one, namespace, 'm-1'), 'mark Marked');
  });

  for (const [namespace, spec, expected] of [
    ['b-none', { minAvailable: 3 }, ['deny BudgetExhausted', 'deny BudgetExhausted']],
    ['b-two', { minAvailable: 1 }, ['mark Marked', 'mark Marked', 'deny BudgetExhausted']],
    ['b-free', undefined, ['mark Marked', 'mark Marked', 'mark Marked']],
  ] as const) {
    test(`${JSON.stringify(spec) ?? 'without a budget'}: ${expected.join(', ')}`, async () => {
      await pair.members(namespace, MEMBERS);
      if (spec !== undefined) await budget(namespace, spec);
      const answers: string[] = [];
      for (const name of MEMBERS.slice(0, expected.length)) answers.push(await evict(pair.one, namespace, name));
      assert.deepEqual(answers, expected);
    });
  }
});
