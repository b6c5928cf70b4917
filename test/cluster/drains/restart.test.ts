import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { LOG } from '../../../src/log/messages.ts';
import { createPod, waitForPod } from '../../../testkit/couchbase/workload.ts';
import { callsOf, evict, evictUntil, MARKED } from '../support/evict.ts';
import { aReview, post } from '../support/review.ts';
import { type Rig, type RunningHook, startRig } from '../support/rig.ts';
import { aScene } from '../support/scene.ts';

let rig: Rig;
let hook: RunningHook;

before(async () => {
  rig = await startRig();
  hook = await rig.hook('default');
});

after(() => rig?.stop());

describe('the hook without its API server', () => {
  test('killed: 429 with the cause, still ready; started again: the cache is right and a drain ends (fault 15)', async () => {
    await using scene = await aScene({ rig, hook: 'default', namespace: 'restart' });
    await scene.operator.pause();
    await scene.cordon(scene.node(1));
    await evictUntil(scene, 'cb-0000', MARKED);
    // From the cache, which the API server's own word has reached.
    await scene.until('an answer without a call', async () => {
      const before = await callsOf(hook);
      const { message } = await evict(scene, 'cb-0000');
      return /\(marked .* ago/.test(message) && isDeepStrictEqual(await callsOf(hook), before);
    });

    const since = hook.lines.length;
    await rig.controlPlane.apiServer.stop();
    const waiting = await post(hook, aReview('restart', 'cb-0000'));
    assert.match(
      waiting.body.response?.status?.message ?? '',
      /^Pod waiting to be rescheduled \(marked .* ago by reschedule-hook[;)]/,
    );
    for (const name of ['cb-0001', 'nobody']) {
      const { body } = await post(hook, aReview('restart', name));
      assert.equal(body.response?.allowed, false);
      assert.equal(body.response?.status?.code, 429, name);
      assert.match(body.response?.status?.message ?? '', /ECONNREFUSED|other side closed|terminated/, name);
    }
    assert.equal((await fetch(`${hook.healthUrl}/readyz`)).status, 200, 'not a reason to be taken out of service');

    await rig.controlPlane.apiServer.start();
    const pod = {
      namespace: 'restart',
      name: 'newcomer',
      node: scene.node(1),
      labels: { app: 'couchbase', couchbase_cluster: 'cb' },
    };
    await createPod(rig.client, pod);
    await waitForPod(rig.client, pod);
    // A mark by name wants a cache that knows the instance (rule 8d): it says when the watch is back.
    await evictUntil(scene, 'newcomer', MARKED);
    await hook.waitForLine(({ message }) => message === LOG.watchInterrupted, { since });
    await rig.client.json({
      method: 'DELETE',
      path: '/api/v1/namespaces/restart/pods/newcomer',
      body: { gracePeriodSeconds: 0 },
    });

    scene.operator.resume();
    const result = await scene.drain(scene.node(1));
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(await scene.podsOn(scene.node(1)), []);
    assert.deepEqual(scene.moves, ['cb-0000', 'cb-0001']);
    await scene.assertNobodyEvicted();
  });
});

describe('what anybody could send to the hook: a clear error, one log line, nothing written', () => {
  const huge = JSON.stringify({ padding: 'x'.repeat(2 * 1024 * 1024) });
  const cases = [
    { what: 'fault 7: {}', body: '{}', status: 400, error: /^not an AdmissionReview: apiVersion/ },
    { what: 'no JSON', body: '{"a":', status: 400, error: /^not an AdmissionReview: the body is not JSON$/ },
    { what: 'no body', body: '', status: 400, error: /the body is not JSON/ },
    {
      what: 'another type',
      body: '{}',
      contentType: 'text/plain',
      status: 415,
      error: /^Content-Type must be application\/json/,
    },
    { what: 'over the limit', body: huge, status: 413, error: /^the body is larger than 1048576 bytes$/ },
  ];
  for (const { what, body, contentType, status, error } of cases) {
    test(`${what}: ${status}`, async () => {
      const since = hook.lines.length;
      const reply = await post(hook, body, contentType === undefined ? {} : { contentType });
      assert.equal(reply.status, status);
      assert.match(reply.body.error ?? '', error);
      const line = await hook.waitForLine(({ message }) => message === LOG.badRequest, { since });
      assert.equal(line.status, status);
    });
  }

  test('fault 20: a content type with a charset is accepted', async () => {
    const reply = await post(hook, aReview('restart', 'nobody'), { contentType: 'application/json; charset=utf-8' });
    assert.equal(reply.status, 200);
    assert.equal(reply.body.response?.uid, 'review-1');
    assert.equal(reply.body.response?.status?.code, 404);
  });
});
