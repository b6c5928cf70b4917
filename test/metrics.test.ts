import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { anUnusedHooksMetrics, metricsOfTheHook } from './support/metrics.ts';

const DOCS = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf-8');

describe('the metrics', () => {
  test('are those of docs/metrics.md, in the same order', async () => {
    const expected = (await metricsOfTheHook())
      .filter(({ name }) => name.startsWith('reschedule_hook_'))
      .map(({ name, type, labels, help }) => {
        const shown = labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', ');
        return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
      });
    const rows = DOCS.split('\n').filter((line) => line.startsWith('| `reschedule_hook_'));
    assert.deepEqual(rows, expected);
  });

  test('are named as Prometheus asks: counters end in _total, times are in seconds', async () => {
    for (const { name, type } of await metricsOfTheHook()) {
      if (!name.startsWith('reschedule_hook_')) continue;
      assert.match(name, /^reschedule_hook_[a-z]+(_[a-z]+)*$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (type === 'histogram') assert.match(name, /_seconds$/);
    }
  });

  test('tell of what happened, in the words of the log', async () => {
    const metrics = anUnusedHooksMetrics();
    metrics.onDecision({ kind: 'deny', rule: 'S6', reason: 'Doubt', code: 429, message: '' }, 20);
    metrics.onDecision({ kind: 'allow', rule: '5', reason: 'DryRun', profile: 'couchbase' }, 20);
    metrics.onApiCall({ method: 'PATCH', path: '/api/v1/namespaces/db/pods/cb-0000', code: 200, durationMs: 3 });
    metrics.onReconcile('tracker', 'error', 4);
    metrics.onReconcile('stall', 'success', 4);
    metrics.onQueueAdd();
    metrics.onLeftOut('requested', 10_000);
    metrics.onWatchInterrupted('pods');
    metrics.onPrune('gone', 'None');
    metrics.onDisplaced();
    metrics.onTurnedAway('write');
    const text = await metrics.registry.metrics();
    for (const line of [
      'reschedule_hook_build_info{version="1.2.3",node_version="24.0.0"} 1',
      'reschedule_hook_decisions_total{kind="deny",reason="Doubt",profile="None"} 1',
      'reschedule_hook_decisions_total{kind="allow",reason="DryRun",profile="couchbase"} 1',
      'reschedule_hook_decision_duration_seconds_bucket{le="0.025",kind="deny"} 1',
      'reschedule_hook_api_requests_total{method="PATCH",resource="pods",code="200"} 1',
      'reschedule_hook_api_request_duration_seconds_sum{method="PATCH",resource="pods"} 0.003',
      'reschedule_hook_reconciles_total{kind="tracker",result="error"} 1',
      'reschedule_hook_queue_left_out_total{kind="requested"} 10000',
      'reschedule_hook_reconciles_total{kind="stall",result="success"} 1',
      'reschedule_hook_queue_adds_total 1',
      'reschedule_hook_queue_retries_total 1',
      'reschedule_hook_watch_interruptions_total{kind="pods"} 1',
      'reschedule_hook_pruned_entries_total{state="gone",profile="None"} 1',
      'reschedule_hook_connections_displaced_total 1',
      'reschedule_hook_turned_away_total{bound="write"} 1',
      'reschedule_hook_api_calls_in_flight{class="write"} 8',
      'reschedule_hook_api_calls_waiting{class="write"} 3',
      'reschedule_hook_ready 1',
      'reschedule_hook_permissions_missing{purpose="answers"} 0',
      'reschedule_hook_permissions_missing{purpose="upkeep"} 1',
      'reschedule_hook_marked_pods{profile="couchbase"} 3',
      'reschedule_hook_marked_pods{profile="strimzi-kafka"} 0',
      'reschedule_hook_stalled_pods{profile="couchbase",hindrance="Paused"} 1',
      'reschedule_hook_stalled_pods{profile="strimzi-kafka",hindrance="None"} 0',
      'reschedule_hook_marked_without_entry_total{profile="strimzi-kafka"} 0',
      'reschedule_hook_rival_webhooks{profile="strimzi-kafka",rival="cleaner"} 2',
      'reschedule_hook_log_lines_lost_total 2',
      'reschedule_hook_cache_objects{kind="pods"} 7',
      'reschedule_hook_cache_synced{kind="pods"} 1',
      'reschedule_hook_cache_age_seconds{kind="pods"} 2.5',
      'reschedule_hook_certificate_expiry_timestamp_seconds{certificate="serving"} 1800000000',
      'reschedule_hook_clock_ahead_seconds 7200',
    ]) {
      assert.ok(text.includes(`${line}\n`), line);
    }
  });

  test('a hindrance that is over is no longer told', async () => {
    const { createMetrics } = await import('../src/metrics.ts');
    const metrics = createMetrics({ version: '1', nodeVersion: '24' });
    let stalled = new Map([['Paused', 1]]);
    metrics.read({
      isReady: () => false,
      permissionsMissing: () => 0,
      misselectedPods: () => new Map(),
      rivalWebhooks: () => [],
      profiles: () => [],
      markedPods: () => new Map(),
      stalledPods: () => new Map([['couchbase', stalled]]),
      entries: () => new Map(),
      entriesLeftOut: () => 0,
      earlierInstances: () => 0,
      queueDepth: () => 0,
      freshness: () => [],
      monotonicNow: () => 0,
      clockAheadMs: () => 0,
      calls: () => [],
      linesLost: () => 2,
      registration: () => undefined,
      profilesFileInForce: () => true,
      certificates: () => [],
    });
    assert.match(await metrics.registry.metrics(), /stalled_pods\{profile="couchbase",hindrance="Paused"\} 1/);
    stalled = new Map([['None', 0]]);
    assert.doesNotMatch(await metrics.registry.metrics(), /Paused/);
  });
});
