import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiError } from '../../src/kube/errors.ts';
import { createEmitEvent, type EventInput } from '../../src/kube/events.ts';
import { answering } from '../support/api.ts';

const about = { namespace: 'db', name: 'cb-0000', uid: 'uid-a' };
const now = new Date('2026-01-01T12:00:00.789Z');
const EVENT: EventInput = { about, reason: 'Rescheduled', type: 'Normal', message: 'moved', now };

function anEmitter(answer: object = {}) {
  const client = answering(answer);
  return { emit: createEmitEvent(client, 'hook-7'), requests: client.requests };
}

async function nameOf(overrides: Partial<EventInput>): Promise<string> {
  const { emit, requests } = anEmitter();
  await emit({ ...EVENT, ...overrides });
  return (requests.at(0)?.body as { metadata: { name: string } } | undefined)?.metadata.name ?? '';
}

describe('emitEvent', () => {
  test('posts an Event about the instance, in its namespace, with whole seconds', async () => {
    const { emit, requests } = anEmitter();
    const { signal } = new AbortController();
    await emit(EVENT, signal);
    assert.deepEqual(requests, [
      {
        method: 'POST',
        path: '/api/v1/namespaces/db/events',
        body: {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { namespace: 'db', name: await nameOf({}) },
          involvedObject: { apiVersion: 'v1', kind: 'Pod', ...about },
          reason: 'Rescheduled',
          type: 'Normal',
          message: 'moved',
          count: 1,
          firstTimestamp: '2026-01-01T12:00:00Z',
          lastTimestamp: '2026-01-01T12:00:00Z',
          source: { component: 'reschedule-hook' },
          reportingComponent: 'reschedule-hook',
          reportingInstance: 'hook-7',
        },
        signal,
      },
    ]);
  });

  test('has one name for each instance, reason and number, whenever and wherever it is written', async () => {
    const name = await nameOf({});
    assert.equal(await nameOf({ now: new Date(0), message: 'other' }), name);
    assert.notEqual(await nameOf({ reason: 'RescheduleStalled' }), name);
    assert.equal(await nameOf({ nth: 1 }), name);
    assert.notEqual(await nameOf({ nth: 2 }), name);
    assert.notEqual(await nameOf({ about: { ...about, uid: 'uid-b' } }), name);
  });

  for (const [what, pod] of [
    ['a short name', 'a'],
    ['the longest name', 'a'.repeat(253)],
    ['a name that is cut at a dash', `${'a'.repeat(229)}-${'b'.repeat(20)}`],
    ['a name that is cut at a dot', `${'a'.repeat(229)}.${'b'.repeat(20)}`],
  ] as const) {
    test(`has a name that the API server takes, for a pod with ${what}`, async () => {
      const name = await nameOf({ about: { ...about, name: pod } });
      assert.match(name, /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
      assert.ok(name.length <= 253);
    });
  }

  test('is content where another replica was first', async () => {
    await anEmitter(new ApiError(409, 'POST', { reason: 'AlreadyExists' })).emit(EVENT);
  });

  for (const error of [
    new ApiError(409, 'POST', { reason: 'Conflict' }),
    new ApiError(409, 'POST', { reason: 'AlreadyExists', message: 'admission webhook "x" denied the request: no' }),
    new ApiError(403, 'POST', { reason: 'Forbidden' }),
    new ApiError(500, 'POST', undefined),
  ]) {
    test(`throws on ${error.code} ${error.reason}`, () => assert.rejects(anEmitter(error).emit(EVENT), error));
  }
});
