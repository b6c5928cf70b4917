import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { createPodEvents } from '../../src/controller/pod-events.ts';
import { StalledPodReconciler } from '../../src/controller/stalled-pods.ts';
import { createEmitEvent } from '../../src/kube/events.ts';
import { createTracking } from '../../src/policy/tracking/index.ts';
import { renderChanges, renderTables } from '../../src/status/render.ts';
import { buildReport, type StatusReport } from '../../src/status/report.ts';
import { FakeApi } from '../support/api.ts';
import { MINUTE } from '../support/builders.ts';
import { aCache, ENTRY_KEY } from '../support/cache.ts';
import { aRawConfigMap, aRawNamespace } from '../support/configmaps.ts';
import { aLog } from '../support/log.ts';
import { aRawCluster, aRawPod } from '../support/raw.ts';
import { aDrain, CLUSTERS, member, NODES, OPTIONS } from './scene.ts';

const DOCS = readFileSync(new URL('../../docs/status.md', import.meta.url), 'utf-8');
const NOTHING: StatusReport = {
  version: 1,
  installation: OPTIONS.installation,
  settingsFrom: OPTIONS.settingsFrom,
  nodes: [],
  pods: [],
  stalled: [],
  unmarked: [],
  entries: [],
  rivals: [],
};
const HEAD = `Hook reschedule-hook: settings and profiles read from Deployment
reschedule-hook-system/reschedule-hook-server
`;

/** The code block of docs/status.md in that language. */
const example = (language: string) => DOCS.split(`\`\`\`${language}\n`)[1]?.split('```')[0];

describe('the report', () => {
  test('of a drain under way is the one that docs/status.md shows, as tables and as JSON', () => {
    const report = buildReport(aDrain(), OPTIONS);
    assert.equal(example('text'), renderTables(report));
    assert.deepEqual(JSON.parse(example('json') ?? ''), JSON.parse(JSON.stringify(report)));
  });

  test('fits 100 columns, whatever the names are', () => {
    const node = `ip-10-0-0-1.${'n'.repeat(60)}.internal`;
    const names = ['a', 'b'].map((letter) => `cb-${letter.repeat(200)}`);
    const pods = names.map((name, i) =>
      member(name, { node, by: 'm'.repeat(90), ...(i === 0 && { markedMs: MINUTE }) }),
    );
    const unmarked = new Map([[`uid-${names[1]}`, { reason: 'BudgetExhausted', why: 'w'.repeat(300) }]]);
    const settingsFrom = `Deployment ${'d'.repeat(130)}`;
    const text = renderTables(buildReport(aCache({ pods, nodes: [] }), { ...OPTIONS, unmarked, settingsFrom }));
    assert.match(text, /^Pods that wait without a mark$/m);
    assert.deepEqual(
      text.split('\n').filter(({ length }) => length > 100),
      [],
    );
  });

  test('of a cluster where nothing is under way says so', () => {
    const report = buildReport(aCache({ nodes: NODES.slice(1, 2), trackers: [aRawCluster()] }), OPTIONS);
    assert.deepEqual(report, NOTHING);
    assert.equal(
      renderTables(report),
      `${HEAD}\nNo node is being drained.\n\nNo pod is marked.\n\nNo pod is stalled.\n\nNo pod waits without a mark.\n\nThere are no tracking entries.\n`,
    );
  });

  test('has rival webhooks, also where nobody may list them', () => {
    const rival = { profile: 'strimzi-kafka', rival: 'evict.example.com', registration: 'cleaner\x1b', webhooks: 1 };
    const report = buildReport(aCache({ nodes: [] }), { ...OPTIONS, rivals: [rival] });
    assert.deepEqual(report.rivals, [rival]);
    assert.match(
      renderTables(report),
      /\n\nRival webhooks\nPROFILE +RIVAL +REGISTRATION +WEBHOOKS\nstrimzi-kafka +evict\.example\.com +cleaner\? +1\n$/,
    );
    assert.deepEqual(renderChanges(NOTHING, report), [
      'rival webhook evict.example.com in cleaner?: is asked about evictions of profile strimzi-kafka',
    ]);
    assert.deepEqual(renderChanges(report, NOTHING), ['rival webhook evict.example.com in cleaner?: no more']);
    const unknown = buildReport(aCache({ nodes: [] }), { ...OPTIONS, rivals: undefined });
    assert.equal(unknown.rivals, null);
    assert.match(renderTables(unknown), /\nRival webhooks are not known: registrations cannot be listed\.\n$/);
  });

  test('names a node that is gone as long as a pod is said to be on it', () => {
    const { nodes } = buildReport(aCache({ pods: [member('cb-0000', { node: 'node-9' })], nodes: [] }), OPTIONS);
    const none = { moved: 0, underWay: 0, gone: 0, markedSeconds: null };
    assert.deepEqual(nodes, [{ name: 'node-9', cause: 'gone', pods: 1, marked: 0, known: 1, ...none }]);
  });

  test('leaves out the pods of Jobs, and those of another namespace', () => {
    const owner = [{ apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true }];
    const job = aRawPod({ metadata: { name: 'backup', ownerReferences: owner } });
    const cache = aCache({
      pods: [job, member('cb-0000', { node: 'node-1', markedMs: MINUTE })],
      nodes: NODES,
      trackers: CLUSTERS,
    });
    assert.equal(buildReport(cache, OPTIONS).nodes[0]?.pods, 1);
    const elsewhere = buildReport(cache, { ...OPTIONS, namespace: 'other' });
    assert.deepEqual([elsewhere.pods, elsewhere.entries, elsewhere.nodes[0]?.pods], [[], [], 0]);
  });

  test('lists stalled pods without a mark in the words of the controller', async () => {
    const cache = aDrain();
    const api = new FakeApi();
    const reporter = new StalledPodReconciler({
      awaited: { has: () => false },
      cache,
      emitEvent: createPodEvents(createEmitEvent(api, 'hook-1'), { now: () => OPTIONS.now }, OPTIONS.settings),
      settings: OPTIONS.settings,
      log: aLog(),
      clock: { now: () => OPTIONS.now, monotonicNow: () => 0 },
    });
    for (const key of reporter.keys()) await reporter.reconcile(key, new AbortController().signal);
    const messages = api.requests.map(({ body }) => (body as { message: string }).message);
    const { stalled } = buildReport(cache, OPTIONS);
    assert.deepEqual(
      stalled.map(({ name, marked }) => [name, marked]),
      [
        ['cb-0000', true],
        ['cb-0004', false],
      ],
    );
    for (const { why, node } of stalled)
      assert.ok(messages.includes(`The pod ${why}; drains of node ${node} wait`), why);
    const counted = [...reporter.byProfile().values()]
      .flatMap((counts) => [...counts])
      .filter(([, count]) => count > 0)
      .map(([hindrance]) => hindrance);
    assert.deepEqual(new Set(stalled.map(({ hindrance }) => hindrance)), new Set(counted));
  });

  const at = new Date(OPTIONS.now - 60 * MINUTE).toISOString();
  const other = { uid: 'uid-cb-0003', node: 'node-1', at, hook: 'other' };
  const fought = {
    uid: 'uid-cb-0003',
    node: 'node-1',
    at: new Date(OPTIONS.now - MINUTE).toISOString(),
    firstAt: at,
    marks: 3,
  };
  for (const [hindrance, name, pod, entry] of [
    [
      'Unschedulable',
      'cb-0001',
      member('cb-0001', { unschedulableMs: 60 * MINUTE }),
      { uid: 'uid-old', node: 'node-1', at },
    ],
    ['OtherInstallation', 'cb-0003', member('cb-0003', { node: 'node-1' }), other],
    ['Unmarked', 'cb-0003', member('cb-0003', { node: 'node-1' }), fought],
  ] as const) {
    test(`lists a stalled pod without a mark: ${hindrance}`, () => {
      const annotations = { [`reschedule.hook/db.${name}`]: JSON.stringify(entry) };
      const trackers = [aRawCluster({ metadata: { annotations } })];
      const { stalled } = buildReport(aCache({ pods: [pod], nodes: NODES, trackers }), OPTIONS);
      assert.deepEqual(
        stalled.map((one) => [one.hindrance, one.marked]),
        [[hindrance, false]],
      );
    });
  }

  test('names the kind of each tracking resource, and leaves out what is of an earlier namespace', () => {
    const home = { namespace: 'hooks', installation: 'reschedule-hook' };
    const tracking = createTracking({ type: 'configmap', also: ['namespace'] }, home);
    const [configMaps, namespaces] = tracking.resources;
    const shown = (owner: string) => {
      const cache = aCache({ tracking, trackers: [], namespaces: [aRawNamespace()] });
      const annotations = { 'reschedule.hook/db.cb-0001': '{"uid":"u"}' };
      const map = aRawConfigMap({ [ENTRY_KEY]: '{"uid":"u"}' }, { owner });
      cache.trackers.put(cache.project.tracker(map, configMaps));
      cache.trackers.put(cache.project.tracker({ metadata: { name: 'db', uid: 'uid-db', annotations } }, namespaces));
      return buildReport(cache, OPTIONS).entries.map(({ tracker, pod }) => `${tracker} ${pod}`);
    };
    const both = ['configmap/hooks/reschedule-hook.db cb-0000', 'namespace/db cb-0001'];
    assert.deepEqual(shown('uid-db'), both);
    assert.deepEqual(shown('uid-old'), both.slice(1));
  });

  test('calls a marked pod that terminates ending', () => {
    const pod = member('cb-0000', { node: 'node-1', markedMs: 60 * MINUTE, deleting: true });
    assert.equal(buildReport(aCache({ pods: [pod], nodes: NODES }), OPTIONS).pods[0]?.state, 'ending');
  });

  test('says what each state of an entry waits for', () => {
    const states = (pods: object[]) =>
      buildReport(aCache({ pods: pods as never, nodes: NODES, trackers: CLUSTERS }), OPTIONS).entries.map(
        ({ state, waitsFor, prunedAfterSeconds }) => [state, waitsFor, prunedAfterSeconds],
      )[0];
    assert.deepEqual(states([]), ['gone', 'a pod of this name; without one, pruned after 1h', 3600]);
    assert.deepEqual(states([member('cb-0000', { node: 'node-1' })]), [
      'withdrawn',
      'nothing: not marked any more, pruned after 3m',
      180,
    ]);
    assert.deepEqual(states([member('cb-0000', { uid: 'new', node: 'node-3' })]), [
      'unsettled',
      'the new pod to settle; it is on node-3',
      null,
    ]);
  });

  test('shows nothing that a terminal would obey: an entry names a node, or none', () => {
    const value = JSON.stringify({ uid: 'u', node: 'node\u001b[2J\u202e', at: 'x' });
    const cluster = aRawCluster({ metadata: { annotations: { 'reschedule.hook/db.cb-0000': value } } });
    const text = renderTables(buildReport(aCache({ trackers: [cluster] }), OPTIONS));
    assert.match(text, /db\/cb-0000 +<none> /);
    assert.deepEqual([text.includes('\u001b'), text.includes('\u202e')], [false, false]);
  });
});

describe('the changes between two reports', () => {
  test('are a line each; ages are none', () => {
    const before = buildReport(aDrain(), OPTIONS);
    assert.deepEqual(renderChanges(before, buildReport(aDrain(), { ...OPTIONS, now: OPTIONS.now + 10_000 })), []);
    const cache = aDrain();
    const again = member('cb-0003', { uid: 'uid-new', node: 'node-2' });
    cache.pods.remove(cache.project.pod(member('cb-0003', { node: 'node-1' })));
    cache.pods.put(cache.project.pod(again));
    assert.deepEqual(renderChanges(before, buildReport(cache, OPTIONS)), [
      'pod db/cb-0003 uid-cb-0003: no more',
      'node node-1: draining (cordoned), 3 pods left, 1 of them marked; 1 of 5 moved, 1 under way, 3 waiting',
    ]);
  });

  test('from nothing are everything', () => {
    const all = renderChanges(NOTHING, buildReport(aDrain(), OPTIONS));
    assert.equal(all.length, 2 + 2 + 2 + 1 + 4);
    assert.ok(all.includes('stalled pod db/cb-0004 uid-cb-0004: ComesBack; not marked'));
    assert.ok(
      all.includes(
        'pod db/cb-0000 uid-cb-0000: stalled on node-1 (its tracking resource reports Paused), marked 20m ago',
      ),
    );
  });
});
