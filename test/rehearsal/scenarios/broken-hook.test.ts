import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Drainer } from '../../../rehearsal/drainers/drainer.ts';
import { CLUSTER_AUTOSCALER, KARPENTER } from '../../../rehearsal/drainers/models/autoscalers.ts';
import { KUBECTL } from '../../../rehearsal/drainers/models/kubectl.ts';
import { scenariosNamed } from '../../../rehearsal/scenarios/catalog.ts';
import type { ApiClient } from '../../../src/kube/client.ts';
import { brokenBy } from '../broken-hook.ts';
import { hasty } from '../hasty.ts';
import { playEmbedded } from '../play-embedded.ts';

/** Drainers that do not wait as long as in life. */
const kubectl = hasty(KUBECTL, 5);
const scaler = hasty(CLUSTER_AUTOSCALER, 200);

interface Case {
  readonly scenario: string;
  readonly hook: string;
  readonly env: Readonly<Record<string, string>>;
  readonly drainer?: (client: ApiClient) => Drainer;
  /** One of the problems. */
  readonly problem: RegExp;
  /** Default 30 s. Less where the scenario waits for what never comes. */
}

const MOVED = 'a marked pod counts as moved';
const MISTOLD = /a drainer heard "moved" about cb-\d+ \(\w+\) while it was still on node-\d/;
const NOT_AGAIN = 'a moved pod is not marked again';
const cases: readonly Case[] = [
  ...['in-place', 'swap'].map((scenario) => ({
    scenario,
    hook: `for which ${MOVED}`,
    env: brokenBy(MOVED),
    problem: MISTOLD,
  })),
  ...['two-in-a-row', 'two-at-once', 'interrupted'].map((scenario) => ({
    scenario,
    hook: `for which ${NOT_AGAIN}`,
    env: brokenBy(NOT_AGAIN),
    problem: /it moved once/,
  })),
  {
    scenario: 'autoscaler',
    hook: 'that ignores taints',
    env: { DRAIN_TAINTS: 'somebody/else' },
    drainer: scaler,
    problem: MISTOLD,
  },
  {
    scenario: 'uid-drainer',
    hook: 'for which the UID of the request does not count',
    env: brokenBy('the UID of the request does not count'),
    drainer: hasty(KARPENTER, 1),
    problem: /it got 429/,
  },
  {
    scenario: 'dry-run',
    hook: 'that takes no dry run from the request',
    env: brokenBy('a dry run by request is none'),
    problem: /has changed/,
  },
  {
    scenario: 'operator-stalled',
    hook: 'that tells no drainer of it',
    env: brokenBy('nothing is said of a stall'),
    problem: /no such log line/,
  },
  {
    scenario: 'api-restart',
    hook: 'that ends',
    env: brokenBy('it ends when it has marked a pod'),
    problem: /it broke off: the hook ended with code 7/,
  },
];

describe('scenarios fail', { concurrency: 4 }, () => {
  for (const { scenario: name, hook, env, drainer = kubectl, problem } of cases) {
    it(`${name} does with a hook ${hook}`, async ({ signal }) => {
      const [scenario] = scenariosNamed(name);
      assert.ok(scenario);
      const broken = { ...scenario, drainer, patienceMs: 30_000, hookEnv: { ...scenario.hookEnv, ...env } };
      const { record, lines } = await playEmbedded(broken, signal);
      assert.equal(record.holds, false, lines.join('\n'));
      assert.match(record.checks.flatMap(({ problems }) => problems).join('\n'), problem, lines.join('\n'));
    });
  }
});
