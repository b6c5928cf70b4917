import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { metricsOfTheHook } from '../support/metrics.ts';
import { readQuery } from './promql.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook: string };
  readonly labels: { readonly severity: string };
}

const text = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf-8');

const rules = (
  parse(text('config/prometheus/rules.yaml')) as { spec: { groups: { rules: Rule[] }[] } }
).spec.groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(text('config/prometheus/dashboard.json')) as {
  panels: { title: string; targets: { expr: string }[] }[];
  templating: { list: { name: string; definition?: string }[] };
};
const OPERATIONS = text('docs/operations.md');

/** What Prometheus and a ServiceMonitor add to every series, and a histogram to its buckets. */
const GIVEN_LABELS = ['pod', 'instance', 'job', 'namespace', 'le'];
const metrics = await metricsOfTheHook();

/** The metric that a series belongs to. */
function metricOf(series: string) {
  const base = series.replace(/_(bucket|sum|count)$/, '');
  return metrics.find(({ name, type }) => name === series || (type === 'histogram' && name === base));
}

function check(expr: string): void {
  const query = readQuery(expr.replaceAll('$__rate_interval', '5m'));
  assert.equal(query.error, undefined);
  assert.notEqual(query.metrics.length, 0);
  for (const series of query.metrics) assert.ok(metricOf(series), `the hook has no metric ${series}`);
  const known = [...GIVEN_LABELS, ...query.metrics.flatMap((series) => metricOf(series)?.labels ?? [])];
  for (const label of query.labels) assert.ok(known.includes(label), `none of ${query.metrics} has a label ${label}`);
}

describe('the alerts', () => {
  for (const { alert, expr, annotations, labels } of rules) {
    test(`${alert} parses, and speaks of what the hook tells`, () => {
      check(expr);
      assert.match(labels.severity, /^(critical|warning|info)$/);
    });

    test(`${alert} only shows labels that its expression keeps`, () => {
      const used = [annotations.summary, annotations.description].join(' ').matchAll(/\$labels\.(\w+)/g);
      const kept =
        /\bby \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? (/\b(sum|max|absent)\(/.test(expr) ? [] : ['pod', 'kind']);
      for (const [, label = ''] of used) assert.ok(kept.includes(label), label);
    });

    test(`${alert} names a section of docs/operations.md`, () => {
      assert.equal(annotations.runbook, `docs/operations.md#${alert.toLowerCase()}`);
      assert.ok(OPERATIONS.includes(`\n### ${alert}\n`), 'there is no such section');
    });
  }

  test('a 403 that was met pages nobody, and one of an Event warns nobody', () => {
    const met = rules.filter(({ expr }) => expr.includes('code="403"'));
    assert.deepEqual(
      met.map(({ alert, labels }) => `${alert} ${labels.severity}`),
      ['RescheduleHookForbidden warning'],
    );
    assert.match(met[0]?.expr ?? '', /\{code="403", resource!="events"\}/);
  });

  test('every section about an alert has its alert', () => {
    const sections = [...OPERATIONS.matchAll(/^### (RescheduleHook\w+)$/gm)].map(([, name]) => name);
    assert.deepEqual(
      sections,
      rules.map(({ alert }) => alert),
    );
  });
});

describe('the dashboard', () => {
  for (const { title, targets } of dashboard.panels) {
    test(`${title} parses, and shows what the hook tells`, () => {
      for (const { expr } of targets) check(expr);
    });
  }

  test('a chosen profile limits all that has one', () => {
    const variable = dashboard.templating.list.find(({ name }) => name === 'profile');
    const [, series = '', label] = /^label_values\((\w+), (\w+)\)$/.exec(variable?.definition ?? '') ?? [];
    assert.ok(metricOf(series)?.labels.includes(label ?? ''), 'its values are those of a label');
    for (const expr of dashboard.panels.flatMap(({ targets }) => targets.map((target) => target.expr))) {
      const query = readQuery(expr.replaceAll('$__rate_interval', '5m'));
      const isOfProfiles = query.metrics.some((name) => metricOf(name)?.labels.includes('profile'));
      assert.equal(expr.includes('{profile=~"$profile"}'), isOfProfiles, expr);
    }
  });

  test('pods of one name in two namespaces are not taken for each other', () => {
    for (const { targets } of dashboard.panels) {
      for (const { expr } of targets) assert.doesNotMatch(expr, /\bon \(pod\)/);
    }
  });

  test('every metric of the hook is on it, or in an alert', () => {
    const exprs = [
      ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
      ...rules.map(({ expr }) => expr),
    ];
    const shown = exprs.flatMap((expr) => readQuery(expr.replaceAll('$__rate_interval', '5m')).metrics);
    const used = new Set(shown.map((series) => metricOf(series)?.name));
    const missing = metrics.filter(({ name }) => name.startsWith('reschedule_hook_') && !used.has(name));
    assert.deepEqual(
      missing.map(({ name }) => name),
      ['reschedule_hook_reconcile_duration_seconds'],
    );
  });
});
