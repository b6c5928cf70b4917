import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiClient } from '../../src/kube/client.ts';
import { manageRegistration, type Place } from '../../src/registration/manage.ts';
import { aLog } from '../support/log.ts';
import { FakeClock } from '../support/time.ts';

const PLACE: Place = {
  webhookConfiguration: 'hook',
  serviceName: 'hook',
  servicePort: 443,
  podNamespace: 'db',
  podName: 'hook-1',
  failurePolicy: 'Fail',
  protectNamespaces: { text: 'all' },
};

/** Every call hangs until it is aborted. */
const HANGING: ApiClient = {
  json: ({ signal }) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true })),
  stream: () => Promise.reject(new Error('nobody watches')),
};

describe('a call about the registration that hangs', () => {
  test('is ended after five seconds: what comes next may be that it was emptied', async () => {
    const clock = new FakeClock();
    const protectedPods = () => ({
      subscribe: () => () => undefined,
      hasSynced: true,
      labelSelectors: ['app=couchbase'],
    });
    const shared = { log: aLog(), clock, random: () => 0, protectedPods };
    const { managed } = manageRegistration(HANGING, PLACE, 3_600_000, shared);
    const read = managed.read(new AbortController().signal).then(
      () => 'read',
      (error: Error) => error.name,
    );
    await clock.advance(4_999);
    assert.equal(clock.timers, 1, 'it waits');
    await clock.advance(1);
    assert.equal(clock.timers, 0);
    assert.equal(await read, 'TimeoutError');
  });
});
