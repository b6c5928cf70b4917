import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { untilAborted } from '../../src/async/abort.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { showStatus } from '../../src/status/command.ts';
import { parseFlags } from '../../src/status/flags.ts';
import type { StatusReport } from '../../src/status/report.ts';
import { DEPLOYMENTS, deployment, registration } from '../preflight/scene.ts';
import { FakeApi } from '../support/api.ts';
import { NOW } from '../support/builders.ts';
import { FakeClock, settle, until } from '../support/time.ts';
import { CLUSTERS, member, NODES, PODS } from './scene.ts';

const PODS_PATH = '/api/v1/pods';
const REGISTRATIONS = '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations';
interface More {
  readonly isTerminal?: boolean;
  readonly isColoured?: boolean;
  readonly vars?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}

const nameOf = ({ metadata }: JsonObject) => (metadata as { name: string }).name;

const LISTS: Readonly<Record<string, readonly JsonObject[]>> = {
  [PODS_PATH]: PODS,
  '/api/v1/namespaces/db/pods': PODS,
  '/api/v1/nodes': NODES,
  '/apis/couchbase.com/v2/couchbaseclusters': CLUSTERS,
  '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters': CLUSTERS,
};

/** A hook is installed; its Deployment has these variables. */
function aStatus(args: readonly string[], { isTerminal = false, isColoured = false, vars = {}, env = {} }: More = {}) {
  const cluster = new FakeApi();
  const set = Object.entries(vars).map(([name, value]) => ({ name, value }));
  cluster.lists.set(REGISTRATIONS, [registration()]);
  cluster.lists.set('/api/v1/namespaces', [{ metadata: { name: 'db', uid: 'uid-db', resourceVersion: '1' } }]);
  cluster.put(`${REGISTRATIONS}/ours`, registration());
  cluster.lists.set(DEPLOYMENTS, [deployment(set)]);
  for (const pod of PODS) cluster.put(`/api/v1/namespaces/db/pods/${nameOf(pod)}`, pod);
  for (const node of NODES) cluster.put(`/api/v1/nodes/${nameOf(node)}`, node);
  for (const one of CLUSTERS) cluster.put('/apis/couchbase.com/v2/namespaces/db/couchbaseclusters/cb', one);
  for (const [path, items] of Object.entries(LISTS)) cluster.lists.set(path, items);
  const lists = () =>
    cluster.requests.filter(({ path, query }) => query?.watch !== true && Object.keys(LISTS).includes(path));
  const paths = () =>
    lists()
      .map(({ path }) => path)
      .sort();
  const refuse = (resource: string, error: Error) => {
    cluster.before = (_, { path }) => {
      if (path.endsWith(`/${resource}`)) throw error;
    };
  };
  const clock = new FakeClock();
  const printed: string[] = [];
  const complaints: string[] = [];
  const stop = new AbortController();
  const run = () =>
    showStatus(parseFlags(args), {
      client: cluster,
      clock: {
        now: () => NOW,
        monotonicNow: clock.monotonicNow,
        setTimer: (callback, ms) => clock.setTimer(callback, ms),
        giveWay: () => clock.giveWay(),
      },
      random: () => 0,
      print: (text) => printed.push(text),
      isTerminal,
      isColoured,
      env,
      readFile: () => '',
      complain: (line) => complaints.push(line),
      stop: stop.signal,
    });
  return { cluster, paths, refuse, clock, printed, complaints, stop, run };
}

const gone = member('cb-0003', { node: 'node-1' });

describe('status, once', () => {
  test('lists, prints and ends, and only reads', async () => {
    const { cluster, paths, printed, complaints, run } = aStatus([]);
    assert.equal(await run(), 0);
    assert.match(
      printed.join(''),
      /^Hook ours: settings and profiles read from Deployment hooks\/hook\n\nDraining nodes\n/,
    );
    assert.equal(printed.length, 1);
    assert.deepEqual(complaints, []);
    assert.deepEqual([...new Set(cluster.requests.map(({ method }) => method))], ['GET']);
    assert.deepEqual(paths(), ['/api/v1/nodes', '/api/v1/pods', '/apis/couchbase.com/v2/couchbaseclusters']);
  });

  test('of one namespace asks for no other', async () => {
    const { paths, run } = aStatus(['-n', 'db']);
    assert.equal(await run(), 0);
    assert.deepEqual(paths(), [
      '/api/v1/namespaces/db/pods',
      '/api/v1/nodes',
      '/apis/couchbase.com/v2/namespaces/db/couchbaseclusters',
    ]);
  });

  test('for a script prints one JSON object', async () => {
    const { printed, run } = aStatus(['-o', 'json']);
    await run();
    assert.equal((JSON.parse(printed.join('')) as { version: number }).version, 1);
  });

  test('says why a pod on a draining node has no mark, by the policy', async () => {
    const { printed, run } = aStatus(['-o', 'json']);
    await run();
    const { unmarked } = JSON.parse(printed.join('')) as StatusReport;
    assert.deepEqual(
      unmarked.map(({ name, reason, why }) => [name, reason, why]),
      [['cb-0005', 'NotMarkedYet', 'the next eviction marks it']],
    );
  });

  test('has colours only where it should', async () => {
    for (const isColoured of [true, false]) {
      const { printed, run } = aStatus([], { isColoured });
      await run();
      assert.equal(printed.join('').includes('\x1b[31mstalled\x1b[0m'), isColoured);
      assert.equal(printed.join('').includes('\x1b'), isColoured);
    }
  });

  for (const [args, expected] of [
    [[], /^missing permission: list and watch pods \(/],
    [['-n', 'db'], /^missing permission: list and watch pods in namespace db \(/],
  ] as const) {
    test(`names the permission that is missing: ${args.join(' ') || 'everywhere'}`, async () => {
      const { refuse, printed, complaints, run } = aStatus(args);
      const error = new ApiError(403, 'GET /api/v1/pods', { message: 'pods is forbidden' });
      refuse('pods', error);
      assert.equal(await run(), 2);
      assert.match(complaints.join('\n'), expected);
      assert.deepEqual(printed, []);
    });
  }

  test('says why where nobody answers', async () => {
    const { refuse, complaints, run } = aStatus([]);
    refuse('nodes', new Error('connect ECONNREFUSED'));
    assert.equal(await run(), 2);
    assert.deepEqual(complaints, ['nodes cannot be read: connect ECONNREFUSED']);
  });
});

describe('status of a profile with conflicts', () => {
  const vars = { PROFILES: 'couchbase,strimzi-kafka' };
  const named = ['--installation', 'ours'];
  const rules = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['pods/eviction'] }];
  const rival = {
    metadata: { name: 'other', resourceVersion: '7' },
    webhooks: [{ name: 'strimzi-drain-cleaner.strimzi.io', rules }],
  };
  const rivalsIn = (text: string) => (JSON.parse(text) as { rivals: unknown }).rivals;

  test('lists registrations, and shows rivals', async () => {
    const { cluster, printed, complaints, run } = aStatus([...named, '-o', 'json'], { vars });
    cluster.lists.set(REGISTRATIONS, [rival]);
    assert.equal(await run(), 0, complaints.join());
    const found = {
      profile: 'strimzi-kafka',
      rival: 'strimzi-drain-cleaner.strimzi.io',
      registration: 'other',
      webhooks: 1,
    };
    assert.deepEqual(rivalsIn(printed.join('')), [found]);
  });

  test('shows all the rest to those who may not list them, and where the list hangs', async () => {
    for (const refusal of [new ApiError(403, `GET ${REGISTRATIONS}`, {}), undefined]) {
      const { cluster, clock, printed, complaints, stop, run } = aStatus([...named, '-o', 'json'], { vars });
      cluster.before = (_, { path, signal = stop.signal }) => {
        if (path !== REGISTRATIONS) return undefined;
        if (refusal !== undefined) throw refusal;
        return untilAborted(signal);
      };
      let code: number | undefined;
      void run().then((result) => {
        code = result;
      });
      await settle();
      await clock.advance(5_000);
      assert.equal(code, 0);
      assert.equal(rivalsIn(printed.join('')), null);
      assert.deepEqual(complaints, []);
      assert.equal(clock.timers, 0);
    }
  });

  test('--watch has a line for each that comes and goes', async () => {
    const { cluster, clock, printed, stop, run } = aStatus([...named, '--watch'], { vars });
    cluster.lists.set(REGISTRATIONS, []);
    const ended = run();
    await until(() => printed.length === 1 && cluster.feeds.has(REGISTRATIONS), 'the tables, and the watch');
    for (const type of ['ADDED', 'DELETED']) {
      const { length } = printed;
      cluster.send(REGISTRATIONS, type, rival);
      await settle();
      await clock.advance(100);
      assert.equal(printed.length, length + 1);
    }
    assert.match(
      printed[1] ?? '',
      /Z rival webhook strimzi-drain-cleaner\.strimzi\.io in other: is asked about evictions of profile strimzi-kafka/,
    );
    assert.match(printed[2] ?? '', /Z rival webhook strimzi-drain-cleaner\.strimzi\.io in other: no more$/m);
    stop.abort();
    assert.equal(await ended, 0);
  });
});

describe('status --watch', () => {
  test('into a pipe: the tables once, then a line for each change, gathered; ends when it is stopped', async () => {
    const { cluster, clock, printed, stop, run } = aStatus(['--watch']);
    const ended = run();
    await until(() => printed.length === 1, 'the tables');
    await settle();
    const { timers } = clock;
    cluster.send(PODS_PATH, 'DELETED', {
      ...gone,
      metadata: { ...(gone.metadata as object), resourceVersion: '1001' },
    });
    await until(() => clock.timers === timers + 1, 'the change to be noticed');
    await clock.advance(100);
    assert.deepEqual(printed.slice(1).join('').split('\n'), [
      '2026-01-01T12:00:00.000Z pod db/cb-0003 uid-cb-0003: no more',
      '2026-01-01T12:00:00.000Z node node-1: draining (cordoned), 3 pods left, 1 of them marked; 1 of 6 moved, 1 under way, 1 gone, 3 waiting',
      '',
    ]);
    await clock.advance(10_000);
    assert.equal(printed.length, 2, 'nothing more where nothing happens');
    stop.abort();
    assert.equal(await ended, 0);
    assert.equal(clock.timers, 0);
  });

  test('on a terminal: drawn anew, also as time goes by', async () => {
    const { clock, printed, stop, run } = aStatus(['--watch'], { isTerminal: true });
    const ended = run();
    await until(() => printed.length === 1, 'the tables');
    await clock.advance(2_000);
    await clock.advance(2_000);
    assert.equal(printed.length, 3);
    for (const text of printed) assert.ok(text.startsWith('\u001b[H\u001b[2J'));
    stop.abort();
    assert.equal(await ended, 0);
    assert.equal(clock.timers, 0);
  });

  test('for a script: one object a line', async () => {
    const { cluster, clock, printed, stop, run } = aStatus(['--watch', '-o', 'json'], { isTerminal: true });
    const ended = run();
    await until(() => printed.length === 1, 'the report');
    await settle();
    const { timers } = clock;
    cluster.send(PODS_PATH, 'DELETED', {
      ...gone,
      metadata: { ...(gone.metadata as object), resourceVersion: '1001' },
    });
    await until(() => clock.timers === timers + 1, 'the change to be noticed');
    await clock.advance(100);
    const counts = printed.map((line) => (JSON.parse(line) as { pods: object[] }).pods.length);
    assert.deepEqual(counts, [2, 1]);
    assert.ok(printed.every((line) => line.indexOf('\n') === line.length - 1));
    stop.abort();
    await ended;
  });
});
