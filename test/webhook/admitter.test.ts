import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ApiUnreachableError } from '../../src/kube/errors.ts';
import { LOG } from '../../src/log/messages.ts';
import { REQUEST_EVICT_ONLY } from '../../src/policy/in-background.ts';
import { ClientLeftError } from '../../src/webhook/admitter.ts';
import { anAdmitter, answerOf } from '../support/admission.ts';
import { refusal } from '../support/api.ts';
import { settingsWith } from '../support/builders.ts';
import { ENTRY_KEY, POD_PATH, TRACKER_PATH } from '../support/cache.ts';
import { aRawCluster, aRawNode, aRawPod, RESCHEDULE } from '../support/raw.ts';
import { settle } from '../support/time.ts';

const READ_POD = `GET ${POD_PATH}`;
/** Where the successor is. */
const NODE_PATH = '/api/v1/nodes/node-2';
const READ_NODE = `GET ${NODE_PATH}`;
/** The one that the pod of the tests is on at first. */
const NODE_1_PATH = '/api/v1/nodes/node-1';
const READ_NODE_1 = `GET ${NODE_1_PATH}`;
/** The same path, and another answer: what `accept` asks for. */
const READ_METADATA = READ_POD;
const READ_TRACKER = `GET ${TRACKER_PATH}`;
const MARK = `PATCH ${POD_PATH}`;
const WRITE_ENTRY = `PATCH ${TRACKER_PATH}`;

const marked = aRawPod({ metadata: { annotations: { [RESCHEDULE]: 'true' } } });
const successor = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '200' }, spec: { nodeName: 'node-2' } });
const tracked = (uid: string) => aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: `{"uid":"${uid}"}` } } });

describe('Admitter: a cache that may not list pods', () => {
  test('is waited for by nobody, and warned of once a minute', async () => {
    const { admit, cache, log, api } = anAdmitter({ pods: [] });
    Object.assign(cache, { podsTrouble: () => ({ text: 'it may not list pods', lasts: true }) });
    let subscribers = 0;
    cache.pods.subscribe = () => {
      subscribers++;
      return () => undefined;
    };
    for (let i = 0; i < 3; i++) {
      assert.equal(answerOf(await admit()), '429 Pod waiting to be rescheduled (it may not list pods)');
    }
    assert.equal(subscribers, 0, 'nobody waits for the cache');
    assert.deepEqual(
      log.lines.map(({ level, message }) => `${level} ${message}`),
      [`warn ${LOG.doubt}`, `debug ${LOG.doubt}`, `debug ${LOG.doubt}`],
    );
    assert.deepEqual(api.calls.slice(0, 3), [READ_METADATA, READ_POD, READ_TRACKER]);
  });

  test('is waited for while its first list is on its way', async () => {
    const { admit, cache } = anAdmitter({ pods: [] });
    Object.assign(cache, { podsTrouble: () => ({ text: 'it has not synced', lasts: false }) });
    const answer = admit();
    await settle();
    cache.pods.replace([cache.project.pod(aRawPod())]);
    Object.assign(cache, { podsTrouble: () => undefined });
    assert.equal(answerOf(await answer), '429 Reschedule annotation added to pod');
  });
});

describe('Admitter: the calls that a decision costs', () => {
  test('waiting: none', async () => {
    const { admit, api } = anAdmitter({ pods: [marked] });
    assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled/);
    assert.deepEqual(api.calls, []);
  });

  test('a first mark: two writes, the entry before the pod, and no read', async () => {
    const { admit, api } = anAdmitter();
    assert.equal(answerOf(await admit()), '429 Reschedule annotation added to pod');
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
    assert.equal(api.annotations(POD_PATH)[RESCHEDULE], 'true');
    assert.match(api.annotations(TRACKER_PATH)[ENTRY_KEY] ?? '', /"uid":"uid-a","node":"node-1"/);
  });

  test('a mark that another webhook takes away: the descheduler is not told that the move is under way', async () => {
    const annotations = { [REQUEST_EVICT_ONLY]: '' };
    for (const isTaken of [false, true]) {
      const { admit, api } = anAdmitter({ pods: [aRawPod({ metadata: { annotations } })] });
      api.annotate(POD_PATH, annotations);
      api.before = (call, { body }) => {
        if (call === MARK && isTaken) (body as { metadata: object }).metadata = { uid: 'uid-a' };
      };
      const words = isTaken ? '' : '. Eviction triggered evacuation';
      assert.equal(answerOf(await admit()), `429 Reschedule annotation added to pod${words}`);
    }
  });

  test('a first mark where the cache has not heard of the cordon: the entry says what a live read finds', async () => {
    for (const [node, isDrained] of [
      [aRawNode({ spec: { unschedulable: true } }), true],
      [aRawNode(), false],
    ] as const) {
      const { admit, api } = anAdmitter({ nodes: [aRawNode()] });
      api.put(NODE_1_PATH, node);
      assert.equal(answerOf(await admit()), '429 Reschedule annotation added to pod');
      assert.deepEqual(api.calls, [READ_POD, READ_TRACKER, `GET ${NODE_1_PATH}`, WRITE_ENTRY, MARK]);
      assert.equal(/"draining":false/.test(api.annotations(TRACKER_PATH)[ENTRY_KEY] ?? ''), !isDrained);
    }
  });

  test('a first mark, and the next try before the watch has told of it: none more', async () => {
    const { admit, api } = anAdmitter();
    await admit();
    api.calls.length = 0;
    assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled/);
    assert.deepEqual(api.calls, []);
  });

  test('a first mark with tracking off, or of an operator that takes new names: one write', async () => {
    const other = aRawCluster({ spec: { upgradeProcess: 'SwapRebalance' } });
    for (const world of [{ tracking: 'off', trackers: [] } as const, { trackers: [other] }]) {
      const { admit, api } = anAdmitter(world);
      assert.equal(answerOf(await admit()), '429 Reschedule annotation added to pod');
      assert.deepEqual(api.calls, [MARK]);
    }
  });

  test('a first mark without a tracking resource: a live look for it, then one write and a warning', async () => {
    const { admit, api, log } = anAdmitter({ trackers: [] });
    api.objects.delete(TRACKER_PATH);
    assert.equal(answerOf(await admit()), '429 Reschedule annotation added to pod');
    assert.deepEqual(api.calls, [READ_POD, READ_TRACKER, MARK]);
    assert.deepEqual(log.messages(), [LOG.marked, LOG.untracked]);
  });

  test('moved: a live read of the pod and of its node', async () => {
    const { admit, api } = anAdmitter({ pods: [successor], trackers: [tracked('uid-a')] });
    api.put(POD_PATH, successor);
    api.put(NODE_PATH, aRawNode({ metadata: { name: 'node-2' } }));
    for (let i = 0; i < 2; i++) {
      assert.equal(answerOf(await admit()), '404 Pod has been rescheduled with the same name');
      assert.deepEqual(api.calls.splice(0), [READ_POD, READ_NODE]);
    }
  });

  for (const [entry, answer] of [
    ['{"uid":"uid-b"}', '429 Reschedule annotation added to pod'],
    [
      '{"uid":"uid-x","node":"node-2"}',
      '429 Pod waiting to be rescheduled (it came back on node node-2, which it was to leave)',
    ],
  ] as const) {
    test(`remembered as moved, and a tracker that the cache does not have: its live entry ${entry} counts`, async () => {
      const { admit, api, cache } = anAdmitter({ pods: [marked], trackers: [] });
      api.put(POD_PATH, successor);
      api.put(NODE_PATH, aRawNode({ metadata: { name: 'node-2' } }));
      api.put(TRACKER_PATH, aRawCluster({ metadata: { annotations: { [ENTRY_KEY]: entry } } }));
      cache.nodes.put(cache.project.node(aRawNode({ metadata: { name: 'node-2' } })));
      cache.pods.put(cache.project.pod(successor));
      assert.equal(answerOf(await admit()), answer);
    });
  }

  test('a dry run needs no tracker to be read: it writes nothing', async () => {
    const { admit, api } = anAdmitter({ nodes: [aRawNode()] });
    api.put(NODE_1_PATH, aRawNode());
    api.before = (call) => {
      if (call === READ_TRACKER) throw refusal(500);
    };
    assert.equal(answerOf(await admit({ dryRun: true })), 'allow');
  });

  test('moved to a node that has just been cordoned: the live node counts, and it is marked again', async () => {
    const { admit, api } = anAdmitter({ pods: [successor], trackers: [tracked('uid-a')] });
    api.put(POD_PATH, successor);
    api.put(TRACKER_PATH, tracked('uid-a'));
    const decision = await admit();
    assert.equal(answerOf(decision), '429 Reschedule annotation added to pod');
    assert.equal(decision.rule, '8a');
    assert.deepEqual(api.calls, [READ_POD, READ_NODE, WRITE_ENTRY, MARK]);
  });

  test('marked where nobody drains, and back there: the drain that asks is one of another node, and ends', async () => {
    const { admit, api, cache } = anAdmitter({ nodes: [aRawNode()] });
    api.put(NODE_1_PATH, aRawNode());
    await admit();
    const back = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '9999' } });
    api.put(POD_PATH, back);
    cache.pods.put(cache.project.pod(back));
    assert.equal(answerOf(await admit()), '404 Pod has been rescheduled with the same name');
  });

  test('marked where somebody drained, uncordoned, and back there: it has not left', async () => {
    const { admit, api, cache } = anAdmitter({ nodes: [aRawNode({ spec: { unschedulable: true } })] });
    await admit();
    const [back, calm] = [aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '9999' } }), aRawNode()];
    api.put(POD_PATH, back);
    api.put(NODE_1_PATH, calm);
    cache.pods.put(cache.project.pod(back));
    cache.nodes.put(cache.project.node(calm));
    assert.match(answerOf(await admit()), /^429 .*came back on node node-1, which it was to leave/);
  });

  test('marked where nobody drained yet, drained, uncordoned, and back there: it has not left', async () => {
    const { admit, api, cache } = anAdmitter({ nodes: [aRawNode()] });
    const node = (resourceVersion: string, unschedulable: boolean) => {
      const object = aRawNode({ metadata: { resourceVersion }, spec: { unschedulable } });
      api.put(NODE_1_PATH, object);
      cache.nodes.put(cache.project.node(object));
    };
    node('100', false);
    await admit();
    node('101', true);
    assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled/);
    node('102', false);
    const back = aRawPod({ metadata: { uid: 'uid-b', resourceVersion: '9999' } });
    api.put(POD_PATH, back);
    cache.pods.put(cache.project.pod(back));
    assert.match(answerOf(await admit()), /^429 .*came back on node node-1, which it was to leave/);
  });

  test('gone: one live read', async () => {
    const { admit, api } = anAdmitter({ pods: [] });
    api.objects.delete(POD_PATH);
    assert.equal(answerOf(await admit()), '404 Pod has been rescheduled');
    assert.deepEqual(api.calls, [READ_POD]);
  });

  test('not protected: one live read, of its metadata alone', async () => {
    const { admit, api } = anAdmitter({ pods: [] });
    api.put(POD_PATH, aRawPod({ metadata: { labels: { app: 'web' } } }));
    assert.equal(answerOf(await admit()), 'allow');
    assert.deepEqual(api.calls, [READ_METADATA]);
    assert.match(api.requests[0]?.accept ?? '', /as=PartialObjectMetadata/);
  });

  test('not an eviction, or of an exempt user: none', async () => {
    const { admit, api } = anAdmitter();
    const user = { username: 'system:serviceaccount:kube-system:exempt' };
    assert.deepEqual([await admit({ isEviction: false }), await admit(user)].map(answerOf), ['allow', 'allow']);
    assert.deepEqual(api.calls, []);
  });

  test('a dry run: reads only', async () => {
    const { admit, api } = anAdmitter();
    assert.equal(answerOf(await admit({ dryRun: true })), 'allow');
    assert.deepEqual(api.calls, [READ_POD, READ_NODE_1]);
  });
});

describe('Admitter: the world has changed meanwhile', () => {
  test('another replica has written to the tracking resource: decided anew on a live read', async () => {
    const { admit, api } = anAdmitter();
    api.annotate(TRACKER_PATH, { 'reschedule.hook/db.cb-0009': '{}' });
    assert.equal(answerOf(await admit()), '429 Reschedule annotation added to pod');
    assert.deepEqual(api.calls, [WRITE_ENTRY, READ_POD, READ_TRACKER, READ_NODE_1, WRITE_ENTRY, MARK]);
  });

  test('another replica has marked the pod: it waits', async () => {
    const { admit, api } = anAdmitter();
    api.annotate(TRACKER_PATH, { [ENTRY_KEY]: '{"uid":"uid-a"}' });
    api.annotate(POD_PATH, { [RESCHEDULE]: 'true' });
    assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled/);
    assert.deepEqual(api.calls, [WRITE_ENTRY, READ_POD, READ_TRACKER]);
  });

  test('the pod is another instance: the new one is not marked for what was asked of the old one', async () => {
    const { admit, api, cache } = anAdmitter({ pods: [aRawPod()] });
    api.put(POD_PATH, successor);
    api.put(NODE_PATH, aRawNode({ metadata: { name: 'node-2' } }));
    api.before = (call) => {
      if (call === READ_POD) cache.pods.put(cache.project.pod(successor));
    };
    assert.equal(answerOf(await admit()), '404 Pod has been rescheduled with the same name');
    assert.equal(RESCHEDULE in api.annotations(POD_PATH), false);
  });

  test('another replica marked the instance before it, unseen: the entry is read live, and no second move follows', async () => {
    const { admit, api } = anAdmitter({ nodes: [aRawNode()] });
    api.put(POD_PATH, successor);
    api.put(NODE_PATH, aRawNode({ metadata: { name: 'node-2' } }));
    api.put(TRACKER_PATH, tracked('uid-a'));
    assert.equal(answerOf(await admit()), '404 Pod has been rescheduled with the same name');
    assert.deepEqual(api.calls, [READ_POD, READ_TRACKER, READ_NODE]);
  });

  test('the pod is gone: 404 by a live read', async () => {
    const { admit, api } = anAdmitter();
    api.objects.delete(POD_PATH);
    assert.equal(answerOf(await admit()), '404 Pod has been rescheduled');
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK, READ_POD]);
  });

  test('again and again: doubt, after eight tries', async () => {
    const { admit, api, decided } = anAdmitter();
    api.before = (call) => {
      if (call === WRITE_ENTRY) throw refusal(409, { reason: 'Conflict' });
    };
    assert.equal(
      answerOf(await admit()),
      '429 Pod waiting to be rescheduled (the pod or its tracking resource changed 8 times meanwhile)',
    );
    assert.equal(api.calls.filter((call) => call === WRITE_ENTRY).length, 8);
    assert.equal(api.calls.includes(MARK), false);
    assert.equal(decided[0]?.profile, 'couchbase');
  });
});

/** Every way through, and every call on it: whichever fails, the pod is not let go. */
const WAYS = [
  { what: 'a first mark', world: {}, pod: aRawPod(), calls: [WRITE_ENTRY, MARK] },
  {
    what: 'a mark without a cached tracker',
    world: { trackers: [] },
    pod: aRawPod(),
    calls: [READ_POD, READ_TRACKER, WRITE_ENTRY, MARK],
  },
  {
    what: 'a pod that is not selected',
    world: { pods: [] },
    pod: aRawPod({ metadata: { labels: { app: 'web' } } }),
    calls: [READ_POD],
  },
  {
    what: 'a pod that has moved',
    world: { pods: [successor], trackers: [tracked('uid-a')] },
    pod: successor,
    calls: [READ_POD, READ_NODE],
  },
] as const;

const ERRORS = [refusal(500), refusal(403), refusal(429), new ApiUnreachableError('GET', new Error('reset'))];

describe('Admitter: doubt waits', () => {
  for (const { what, world, pod, calls } of WAYS) {
    for (const call of calls) {
      for (const error of ERRORS) {
        test(`${what}: ${call} fails with ${error.message}`, async () => {
          const { admit, api } = anAdmitter(world);
          api.put(POD_PATH, pod);
          api.put(NODE_PATH, aRawNode({ metadata: { name: 'node-2' } }));
          api.before = (made) => {
            if (made === call) throw error;
          };
          assert.equal(answerOf(await admit()), `429 Pod waiting to be rescheduled (${error.message})`);
        });
      }
    }
  }

  test('names the profile, as far as the pod was seen', async () => {
    for (const [world, call, profile] of [
      [{}, MARK, 'couchbase'],
      [{ pods: [] }, READ_METADATA, undefined],
    ] as const) {
      const { admit, api, log } = anAdmitter(world);
      api.before = (made) => {
        if (made === call) throw refusal(500);
      };
      assert.equal((await admit()).profile, profile);
      assert.equal(log.lines[0]?.fields.profile, profile);
    }
  });

  for (const body of [null, {}, { kind: 'Status' }]) {
    test(`a live read that is answered with ${JSON.stringify(body)} is no answer`, async () => {
      const { admit, api } = anAdmitter({ pods: [] });
      api.json = async () => body as never;
      assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled \(GET .*: the answer is no object\)$/);
    });
  }

  test('the deadline: 429 at once, with the cause, although the call goes on', async () => {
    const { admit, api, deadline, log, decided } = anAdmitter({ pods: [] });
    api.before = () => new Promise(() => undefined);
    const answer = admit();
    await settle();
    deadline.abort();
    const expected = '429 Pod waiting to be rescheduled (the answer was due before the API server had answered)';
    assert.equal(answerOf(await answer), expected);
    assert.deepEqual(log.messages(), [LOG.doubt]);
    assert.deepEqual(
      decided.map(({ reason }) => reason),
      ['Doubt'],
    );
  });

  test('the deadline in the middle of a mark: 429 at once, and the mark is carried through and told of', async () => {
    const { admit, api, deadline, log, decided } = anAdmitter();
    const { promise: written, resolve: write } = Promise.withResolvers<void>();
    api.before = () => written;
    const answer = admit();
    await settle();
    deadline.abort();
    assert.match(answerOf(await answer), /^429 .*the answer was due/);
    write();
    await settle();
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
    assert.equal(api.annotations(POD_PATH)[RESCHEDULE], 'true');
    assert.deepEqual(log.messages(), [LOG.doubt, LOG.marked]);
    assert.deepEqual(
      decided.map(({ reason, profile }) => `${reason} ${profile}`),
      ['Doubt couchbase', 'Marked couchbase'],
    );
  });

  test('a deadline that has passed already: 429 without a call', async () => {
    const { admit, api, deadline } = anAdmitter();
    deadline.abort();
    assert.match(answerOf(await admit()), /^429 .*the answer was due/);
    assert.deepEqual(api.calls, []);
  });

  test('a cache that has not seen the pod yet: 429 while it has not, and no mark', async () => {
    const { admit, api, deadline } = anAdmitter({ pods: [] });
    const answer = admit();
    await settle();
    deadline.abort();
    assert.match(answerOf(await answer), /^429 Pod waiting to be rescheduled/);
    assert.deepEqual(api.calls, [READ_METADATA, READ_POD, READ_TRACKER]);
  });

  test('a cache that sees it meanwhile: decided on a fresh look', async () => {
    const { admit, api, cache } = anAdmitter({ pods: [] });
    const answer = admit();
    await settle();
    cache.pods.put(cache.project.pod(aRawPod()));
    assert.equal(answerOf(await answer), '429 Reschedule annotation added to pod');
    assert.deepEqual(api.calls, [
      READ_METADATA,
      READ_POD,
      READ_TRACKER,
      READ_POD,
      READ_TRACKER,
      READ_NODE_1,
      WRITE_ENTRY,
      MARK,
    ]);
  });
});

describe('Admitter: requests about one pod at the same time', () => {
  test('one mark; the others are told that the pod waits, and cost no call', async () => {
    const { admit, api, log } = anAdmitter();
    const answers = (await Promise.all([admit(), admit(), admit()])).map(answerOf);
    assert.equal(answers[0], '429 Reschedule annotation added to pod');
    for (const answer of answers.slice(1)) assert.match(answer, /^429 Pod waiting to be rescheduled \(marked/);
    assert.deepEqual(api.calls, [WRITE_ENTRY, MARK]);
    assert.deepEqual(log.messages().toSorted(), [LOG.marked, LOG.waiting, LOG.waiting].toSorted());
  });
});

describe('Admitter: live looks', () => {
  test('so many at a time; clients take turns; what needs no look does not wait', async () => {
    const { admit, api } = anAdmitter({ pods: [marked] });
    const { promise, resolve } = Promise.withResolvers<void>();
    api.before = () => promise;
    const ask = (name: string, client: string) => admit({ name }, client);
    const many = Array.from({ length: 200 }, (_, n) => ask(`made-up-${n}`, '10.0.0.1'));
    await settle();
    const other = ask('real', '10.0.0.2');
    await settle();
    assert.equal(api.calls.length, 56);
    assert.match(answerOf(await admit()), /^429 Pod waiting to be rescheduled/);
    resolve();
    await other;
    assert.ok(api.calls.indexOf('GET /api/v1/namespaces/db/pods/real') <= 113, 'it had the second turn');
    await Promise.all(many);
    assert.equal(api.calls.length, 201);
  });

  test('an object on which moves are asked for may hang: an eviction of a pod that is not protected does not wait', async () => {
    const request = { kind: 'Sql', group: 'example.com', plural: 'sqls', label: 'couchbase_cluster', onlyIf: [] };
    const settings = settingsWith({ request: { ...request, form: { key: 'k', value: '{uid}' } } });
    const names = Array.from({ length: 60 }, (_, i) => `cb-${i}`);
    const { admit, api } = anAdmitter({ settings, pods: names.map((name) => aRawPod({ metadata: { name } })) });
    api.put('/api/v1/namespaces/db/pods/web', aRawPod({ metadata: { name: 'web', labels: { app: 'web' } } }));
    const { promise, resolve } = Promise.withResolvers<void>();
    api.before = (call) => (call.startsWith('GET /apis') ? promise : undefined);
    const protectedOnes = names.map((name) => admit({ name }));
    await settle();
    const free = admit({ name: 'web' });
    await settle();
    assert.equal(api.calls.at(-1), 'GET /api/v1/namespaces/db/pods/web');
    assert.equal(answerOf(await free), 'allow');
    resolve();
    await Promise.all(protectedOnes);
  });

  test('those over the bound are in doubt at once, and are counted', async () => {
    const { admit, api, full } = anAdmitter();
    const { promise, resolve } = Promise.withResolvers<void>();
    api.before = () => promise;
    const many = Array.from({ length: 556 }, (_, n) => admit({ name: `made-up-${n}` }));
    await settle();
    const message = '429 Pod waiting to be rescheduled (too many evictions wait for a live read already)';
    assert.equal(answerOf(await admit({ name: 'one-more' })), message);
    assert.equal(full(), 1);
    resolve();
    await Promise.all(many);
  });

  test('a client that left is neither decided for nor logged', async () => {
    const { admit, api, log, deadline } = anAdmitter();
    api.before = () => new Promise(() => undefined);
    const left = admit({ name: 'made-up' });
    deadline.abort(new ClientLeftError('left'));
    await left;
    assert.deepEqual(log.messages(), []);
  });
});
