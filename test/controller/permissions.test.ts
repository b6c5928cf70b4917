import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Controller } from '../../src/controller/controller.ts';
import { PermissionReconciler } from '../../src/controller/permissions.ts';
import type { ApiClient, ApiRequest, JsonObject } from '../../src/kube/client.ts';
import { ApiError, ApiUnreachableError } from '../../src/kube/errors.ts';
import { describePermission, type Purpose, permissionsOf, ruleFor } from '../../src/kube/permissions.ts';
import { LOG, type Log } from '../../src/log/messages.ts';
import { couchbaseCluster } from '../../src/policy/tracking/couchbasecluster.ts';
import { refusal } from '../support/api.ts';
import { aLog } from '../support/log.ts';
import { FakeClock, settle } from '../support/time.ts';

/** What the log says, in short. */
function logTo(told: string[]): Log {
  const say = (message: string, fields: Record<string, unknown> = {}) => {
    if (message === LOG.permissionMissing) told.push(String(fields.permission));
    else if (message === LOG.permissionsGranted) told.push('granted');
    else if (message === LOG.markRefused) told.push(`${fields.annotation} is refused: ${fields.error}`);
    else told.push(`failed: ${fields.error}`);
  };
  return { debug: say, info: say, warn: say, error: say };
}

type Answer = (what: string, request: ApiRequest) => JsonObject;

/** `answer` is asked about `try a mark`, too, if there is a pod for it. */
function aCheck(answer: Answer, trial?: { path: string; marks: { key: string; isLabel?: true }[] }) {
  const clock = new FakeClock();
  const told: string[] = [];
  const requests: ApiRequest[] = [];
  const world = { answer };
  const reconciler = new PermissionReconciler({
    client: {
      async json(request) {
        requests.push(request);
        if (request.method === 'PATCH') return world.answer('try a mark', request);
        const { spec } = request.body as { spec: { resourceAttributes: Record<string, string> } };
        const { verb, resource } = spec.resourceAttributes;
        return world.answer(`${verb} ${resource}`, request);
      },
      stream: () => Promise.reject(new Error('no watch')),
    } as ApiClient,
    permissions: permissionsOf({ tracking: couchbaseCluster }),
    ...(trial && { trial }),
    log: logTo(told),
  });
  const controller = new Controller({ reconciler, clock, random: () => 0, log: aLog(), workers: 1 });
  const check = {
    get problem() {
      return reconciler.problem;
    },
    missing: (purpose: Purpose) => reconciler.missing(purpose),
    start() {
      controller.start();
      controller.queue.add('permissions');
    },
    stop: () => void controller.stop(),
  };
  return { check, clock, told, requests, world };
}

const allowed = (yes: boolean): JsonObject => ({ status: { allowed: yes } });
const all: Answer = () => allowed(true);

describe('the check of permissions at start', () => {
  test('asks about each permission once, and ends when all are granted', async () => {
    const { check, clock, told, requests } = aCheck(all);
    assert.equal(check.problem, 'permissions have not been checked');
    check.start();
    await settle();
    assert.equal(check.problem, undefined);
    assert.deepEqual(told, ['granted']);
    assert.equal(clock.timers, 0);
    assert.equal(requests.length, permissionsOf({ tracking: couchbaseCluster }).length);
    assert.deepEqual(requests.at(-1), {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb: 'patch', group: 'couchbase.com', resource: 'couchbaseclusters' } },
      },
      signal: requests.at(-1)?.signal,
    });
  });

  test('names each missing one once, asks again, and is content when they are granted', async () => {
    const { check, clock, told, world } = aCheck((what) => allowed(!what.startsWith('patch')));
    check.start();
    await settle();
    const missing = ['patch pods', 'patch couchbaseclusters.couchbase.com'];
    assert.deepEqual(told, missing);
    assert.equal(check.problem, `permissions are missing: ${missing.join(', ')}`);
    await clock.advance(20_000);
    assert.deepEqual(told, missing, 'not told again');
    world.answer = (what) => allowed(what !== 'patch pods' && what !== 'create events');
    await clock.advance(5_000);
    assert.deepEqual(told, [...missing, 'create events']);
    assert.equal(check.problem, 'permissions are missing: patch pods');
    assert.deepEqual([check.missing('answers'), check.missing('upkeep')], [1, 1]);
    world.answer = all;
    await clock.advance(5_000);
    assert.equal(check.problem, undefined);
    assert.deepEqual(told, [...missing, 'create events', 'granted']);
    assert.equal(clock.timers, 0);
  });

  test('one that no answer needs is told, asked about again, and no reason to be unready', async () => {
    const { check, clock, told, world } = aCheck((what) => allowed(what !== 'create events'));
    check.start();
    await settle();
    assert.equal(check.problem, undefined);
    assert.deepEqual(told, ['create events']);
    assert.deepEqual([check.missing('answers'), check.missing('upkeep')], [0, 1]);
    world.answer = all;
    await clock.advance(5_000);
    assert.deepEqual(told, ['create events', 'granted']);
    assert.equal(clock.timers, 0);
  });

  test('an authorizer that failed is said once, and what nobody knows to be missing is no reason to be unready', async () => {
    const failed: Answer = (what) =>
      what === 'patch pods' ? { status: { allowed: false, evaluationError: 'no answer from it' } } : allowed(true);
    const { check, clock, told, world } = aCheck(failed);
    check.start();
    await settle();
    assert.equal(check.problem, undefined);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /^failed: .*no answer from it/);
    await clock.advance(5_000);
    assert.equal(told.length, 1, 'not told again');
    world.answer = (what) => allowed(what !== 'patch pods');
    await clock.advance(5_000);
    assert.equal(check.problem, 'permissions are missing: patch pods');
    world.answer = failed;
    await clock.advance(5_000);
    assert.equal(check.problem, 'permissions are missing: patch pods', 'what was known stays known');
    world.answer = all;
    await clock.advance(5_000);
    assert.equal(check.problem, undefined);
    assert.equal(told.at(-1), 'granted');
    assert.equal(clock.timers, 0);
  });

  test('a yes and an explicit no count, whatever else failed', async () => {
    const evaluationError = 'a role is missing';
    const { check } = aCheck((what) =>
      what === 'patch pods'
        ? { status: { allowed: false, denied: true, evaluationError } }
        : { status: { allowed: true, evaluationError } },
    );
    check.start();
    await settle();
    assert.equal(check.problem, 'permissions are missing: patch pods');
    check.stop();
  });

  const failures = {
    'no answer': new ApiUnreachableError('POST', 'ECONNREFUSED'),
    'a broken API server': refusal(500),
    'an expired token': refusal(401),
  };
  for (const [what, error] of Object.entries(failures)) {
    test(`${what}: said, and asked again`, async () => {
      const { check, clock, told, world } = aCheck(() => {
        throw error;
      });
      check.start();
      await settle();
      assert.equal(check.problem, 'permissions have not been checked');
      assert.equal(told.length, 1);
      assert.match(told[0] ?? '', /^failed: /);
      await clock.advance(20_000);
      assert.equal(told.length, 1, 'the same cause is not told again');
      world.answer = all;
      await clock.advance(5_000);
      assert.equal(check.problem, undefined);
      assert.equal(told.at(-1), 'granted');
    });
  }

  test('an answer that says nothing is no permission', async () => {
    for (const answer of [{}, { status: {} }, { status: { allowed: 'true' } }, { status: null }]) {
      const { check, told } = aCheck(() => answer);
      check.start();
      await settle();
      assert.equal(check.problem, 'permissions have not been checked');
      assert.match(told[0] ?? '', /the answer says nothing/);
      check.stop();
    }
  });

  for (const code of [403, 404, 405]) {
    test(`asking itself is refused with ${code}: said, and no reason to be unready`, async () => {
      const { check, clock, told } = aCheck(() => {
        throw refusal(code);
      });
      check.start();
      await settle();
      assert.equal(check.problem, undefined);
      assert.match(told[0] ?? '', /^failed: /);
      assert.equal(clock.timers, 1, 'it may be allowed to ask later');
      check.stop();
      assert.equal(clock.timers, 0);
    });
  }

  test('what was missing before a failure stays missing', async () => {
    const { check, clock, world } = aCheck(() => allowed(false));
    check.start();
    await settle();
    const { problem } = check;
    world.answer = () => {
      throw refusal(500);
    };
    await clock.advance(5_000);
    assert.equal(check.problem, problem);
  });

  test('a stop in mid-check ends it in silence', async () => {
    const { check, clock, told } = aCheck((_, { signal }) => {
      check.stop();
      throw signal?.reason;
    });
    check.start();
    await settle();
    assert.deepEqual(told, []);
    assert.equal(clock.timers, 0);
  });
});

describe('a permission in words', () => {
  const permission = { verb: 'update', group: '', resource: 'secrets', namespace: 'ns', name: 'ca' } as const;

  test('says where and of what name', () => {
    assert.equal(describePermission(permission), 'update secrets/ca in namespace ns');
    assert.equal(describePermission({ verb: 'list', group: 'g', resource: 'things' }), 'list things.g');
  });

  test('has the rule that grants it', () => {
    assert.equal(
      ruleFor(permission),
      '{apiGroups: [""], resources: ["secrets"], resourceNames: ["ca"], verbs: ["update"]}',
    );
  });
});

describe('a mark that is tried at start', () => {
  const trial = { path: '/api/v1/namespaces/hooks/pods/hook-1', marks: [{ key: 'example.com/move' }] };
  const byPolicy = new ApiError(403, 'PATCH', {
    message:
      "Policy 'x' denied request: only a, which have to be the marks of its PROFILES, or its RESCHEDULE_ANNOTATION_KEY: other, example.com/move",
  });
  const refusing =
    (error: Error): Answer =>
    (what) => {
      if (what === 'try a mark') throw error;
      return allowed(true);
    };

  test('writes nothing', async () => {
    const { check, told, requests } = aCheck(all, trial);
    check.start();
    await settle();
    const [patch] = requests.filter(({ method }) => method === 'PATCH');
    assert.deepEqual([patch?.path, patch?.query], [trial.path, { fieldManager: 'reschedule-hook', dryRun: 'All' }]);
    assert.deepEqual(patch?.body, { metadata: { annotations: { 'example.com/move': 'true' } } });
    assert.deepEqual([check.problem, told], [undefined, ['granted']]);
  });

  test('and that the admission policy refuses is said once, and keeps the hook unready until it agrees', async () => {
    const { check, clock, told, world } = aCheck(refusing(byPolicy), trial);
    check.start();
    await settle();
    const problem = `marks are refused: ${byPolicy.message}`;
    assert.equal(check.problem, problem);
    const said = `example.com/move is refused: ${byPolicy.message}`;
    assert.deepEqual(told, [said]);
    for (const error of [new ApiUnreachableError('PATCH', 'ECONNRESET'), refusal(500), refusal(429)]) {
      world.answer = refusing(error);
      await clock.advance(5_000);
      assert.equal(check.problem, problem, 'what is known stays known');
    }
    world.answer = all;
    await clock.advance(5_000);
    assert.equal(check.problem, undefined);
    assert.deepEqual(told, [said, 'granted']);
    assert.equal(clock.timers, 0);
  });

  test('and that anything else refuses says nothing of the pods of others', async () => {
    const message =
      'which have to be the marks of its PROFILES, or its RESCHEDULE_ANNOTATION_KEY: example.com/moved, of-a-webhook';
    const others = [...[400, 403, 404, 422, 500].map((code) => refusal(code)), new ApiError(403, 'PATCH', { message })];
    for (const error of [...others, new ApiUnreachableError('PATCH', 'ECONNREFUSED')]) {
      const { check, clock, told } = aCheck(refusing(error), trial);
      check.start();
      await settle();
      assert.equal(check.problem, undefined);
      assert.deepEqual(told, ['granted']);
      assert.equal(clock.timers, 0);
    }
  });
});
