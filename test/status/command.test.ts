import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ApiClient, JsonObject } from '../../src/kube/client.ts';
import { ApiError } from '../../src/kube/errors.ts';
import { showStatus } from '../../src/status/command.ts';
import { parseFlags } from '../../src/status/flags.ts';
import { NOW, SETTINGS } from '../support/builders.ts';
import { FakeClock, settle, until } from '../support/time.ts';
import { CLUSTERS, member, NODES, PODS } from './scene.ts';

/** Lists, and watches that tell what they are given; every call is written down. */
class FakeCluster implements ApiClient {
  readonly paths: string[] = [];
  readonly methods = new Set<string>();
  readonly lists = new Map<string, readonly JsonObject[]>([
    ['pods', PODS],
    ['nodes', NODES],
    ['couchbaseclusters', CLUSTERS],
  ]);
  refused: { readonly resource: string; readonly error: Error } | undefined;
  readonly #watches = new Map<string, (event: object) => void>();

  async json({ method, path }: { method: string; path: string }): Promise<JsonObject> {
    this.methods.add(method);
    this.paths.push(path);
    const resource = path.split('/').at(-1) ?? '';
    if (this.refused?.resource === resource) throw this.refused.error;
    return { metadata: { resourceVersion: '1000' }, items: this.lists.get(resource) ?? [] };
  }

  async stream({
    path,
    signal,
  }: {
    path: string;
    signal?: AbortSignal | undefined;
  }): Promise<AsyncIterable<Uint8Array>> {
    signal?.throwIfAborted();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    this.#watches.set(
      path.split('/').at(-1) ?? '',
      (event) => void writer.write(Buffer.from(`${JSON.stringify(event)}\n`)),
    );
    signal?.addEventListener('abort', () => void writer.abort(signal.reason).catch(() => undefined));
    return readable;
  }

  tell(resource: string, type: string, object: JsonObject): void {
    this.#watches.get(resource)?.({ type, object });
  }
}

function aStatus(args: readonly string[], { isTerminal = false } = {}) {
  const cluster = new FakeCluster();
  const clock = new FakeClock();
  const printed: string[] = [];
  const complaints: string[] = [];
  const stop = new AbortController();
  const run = () =>
    showStatus(parseFlags(args), SETTINGS, {
      client: cluster,
      clock: {
        now: () => NOW,
        monotonicNow: clock.monotonicNow,
        setTimer: (callback, ms) => clock.setTimer(callback, ms),
        timeoutSignal: (ms) => clock.timeoutSignal(ms),
      },
      random: () => 0,
      print: (text) => printed.push(text),
      isTerminal,
      complain: (line) => complaints.push(line),
      stop: stop.signal,
    });
  return { cluster, clock, printed, complaints, stop, run };
}

const gone = member('cb-0003', { node: 'node-1' });

describe('status, once', () => {
  test('lists, prints and ends, and only reads', async () => {
    const { cluster, printed, complaints, run } = aStatus([]);
    assert.equal(await run(), 0);
    assert.match(printed.join(''), /^Draining nodes\n/);
    assert.equal(printed.length, 1);
    assert.deepEqual(complaints, []);
    assert.deepEqual([...cluster.methods], ['GET']);
    assert.deepEqual(cluster.paths.sort(), [
      '/api/v1/nodes',
      '/api/v1/pods',
      '/apis/couchbase.com/v2/couchbaseclusters',
    ]);
  });

  test('of one namespace asks for no other', async () => {
    const { cluster, run } = aStatus(['-n', 'db']);
    assert.equal(await run(), 0);
    assert.deepEqual(cluster.paths.sort(), [
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

  for (const [args, expected] of [
    [[], /^missing permission: list and watch pods \(/],
    [['-n', 'db'], /^missing permission: list and watch pods in namespace db \(/],
  ] as const) {
    test(`names the permission that is missing: ${args.join(' ') || 'everywhere'}`, async () => {
      const { cluster, printed, complaints, run } = aStatus(args);
      const error = new ApiError(403, 'GET /api/v1/pods', { message: 'pods is forbidden' });
      cluster.refused = { resource: 'pods', error };
      assert.equal(await run(), 1);
      assert.match(complaints.join('\n'), expected);
      assert.deepEqual(printed, []);
    });
  }

  test('says why where nobody answers', async () => {
    const { cluster, complaints, run } = aStatus([]);
    cluster.refused = { resource: 'nodes', error: new Error('connect ECONNREFUSED') };
    assert.equal(await run(), 1);
    assert.deepEqual(complaints, ['nodes cannot be read: connect ECONNREFUSED']);
  });
});

describe('status --watch', () => {
  test('into a pipe: the tables once, then a line for each change, gathered; ends when it is stopped', async () => {
    const { cluster, clock, printed, stop, run } = aStatus(['--watch']);
    const ended = run();
    await until(() => printed.length === 1, 'the tables');
    await settle();
    const { timers } = clock;
    cluster.tell('pods', 'DELETED', { ...gone, metadata: { ...(gone.metadata as object), resourceVersion: '1001' } });
    await until(() => clock.timers === timers + 1, 'the change to be noticed');
    await clock.advance(100);
    assert.deepEqual(printed.slice(1).join('').split('\n'), [
      '2026-01-01T12:00:00.000Z pod db/cb-0003 uid-cb-0003: no more',
      '2026-01-01T12:00:00.000Z node node-1: draining (cordoned), 1 pods left, 1 of them marked',
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
    cluster.tell('pods', 'DELETED', { ...gone, metadata: { ...(gone.metadata as object), resourceVersion: '1001' } });
    await until(() => clock.timers === timers + 1, 'the change to be noticed');
    await clock.advance(100);
    const counts = printed.map((line) => (JSON.parse(line) as { pods: object[] }).pods.length);
    assert.deepEqual(counts, [2, 1]);
    assert.ok(printed.every((line) => line.indexOf('\n') === line.length - 1));
    stop.abort();
    await ended;
  });
});
