import { UsageError } from '../../src/command-line.ts';
import { drainerOf } from '../drainers/drain-node.ts';
import { CLUSTER_AUTOSCALER, KARPENTER } from '../drainers/models/autoscalers.ts';
import { CLUSTER_API } from '../drainers/models/cluster-api.ts';
import { nobodyEvicted, nobodyMarked, SAFE } from '../evidence/verdict.ts';
import type { OperatorModel } from '../operator/model.ts';
import * as rules from './checks.ts';
import { OPERATOR_SCENARIOS } from './operators.ts';
import type { Play } from './play.ts';
import type { Scenario } from './scenario.ts';
import { dryRun } from './scripts/dry-run.ts';
import { drainByInstance } from './scripts/earlier-instance.ts';
import { addDaemonAndJob } from './scripts/other-pods.ts';
import { apiRestart, drainThroughOutage, hookRestart } from './scripts/outage.ts';
import { drainAndForget } from './scripts/pruned-entries.ts';
import { interrupted, oneAfterTheOther, twoAtOnce, twoInARow } from './scripts/second-drain.ts';
import { drainPaused, drainStalled, drainWithoutRoom } from './scripts/slow-operator.ts';

const drainOne = async (play: Play) => {
  await play.drain(play.node());
};

const SAFE_IN_PLACE = [...SAFE, rules.available(1), rules.entriesFit('in-place')];

const COUCHBASE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'in-place',
    title: 'Names that come back',
    about: 'The operator moves each member under its own name.',
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'swap',
    title: 'New names',
    about: 'The operator adds a member with a new name before it removes one, so that none is ever missing.',
    process: 'swap',
    script: drainOne,
    rules: [...SAFE, rules.available(0), rules.entriesFit('swap')],
  },
  {
    name: 'mixed-node',
    title: 'Other pods on the node',
    about: 'Two members share the node with other pods: of a Deployment, of a DaemonSet, and of a backup Job.',
    members: 6,
    script: async (play) => {
      const node = play.node();
      await addDaemonAndJob(play, node);
      await play.drain(node);
    },
    rules: [...SAFE_IN_PLACE, rules.othersEvicted, rules.jobEvicted, rules.daemonsStayed],
  },
  {
    name: 'two-in-a-row',
    title: 'One node after the other',
    about: 'A node is drained and given back, then the one where its pod has gone.',
    script: twoInARow,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'two-at-once',
    title: 'Two nodes at the same time',
    about: 'A pod lands on a node that is then drained, too, while the drain of its first node still goes on.',
    nodes: 4,
    members: 4,
    script: twoAtOnce,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'interrupted',
    title: 'Interrupted and resumed',
    about:
      'The drainer is killed after the first mark, and the pod moves; the drain is run again, then one of its new node.',
    script: interrupted,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'hook-restart',
    title: 'The hook restarts',
    about:
      'The only replica of the hook is away for some seconds while its pod waits; a drain that fails is run again.',
    script: drainThroughOutage(hookRestart),
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'api-restart',
    title: 'The API server restarts',
    about: 'The API server is away for some seconds while a pod waits; a drain that fails is run again.',
    script: drainThroughOutage(apiRestart),
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'operator-paused',
    title: 'The cluster is paused, then resumed',
    about: 'Nobody moves pods while the operator is told to pause; the drain waits.',
    fits: () => true,
    ends: 'waits, then safe',
    script: drainPaused,
    rules: [...SAFE, rules.asAvailable, rules.asRemembered],
  },
  {
    name: 'operator-stalled',
    title: 'The operator does not act',
    about: 'The operator hangs for longer than STALL_AFTER; the hook says so, and the drain waits.',
    hookEnv: { STALL_AFTER: '2s' },
    script: drainStalled,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'no-capacity',
    title: 'No room elsewhere',
    about: 'The successor stays Pending until another node is given back; the drain waits for it.',
    script: drainWithoutRoom,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'pruned',
    title: 'What is remembered is forgotten',
    about: 'Entries are pruned TRACKING_RETENTION after the move, and one Event tells of each move.',
    // Longer than a drainer waits before it asks for the last time.
    hookEnv: { TRACKING_RETENTION: '30s' },
    script: drainAndForget,
    rules: [...SAFE, rules.available(1), rules.entriesFit('swap')],
  },
  {
    name: 'autoscaler',
    title: 'A taint instead of a cordon',
    about: 'A drainer like cluster-autoscaler taints a node, then the one where its pod has gone; it asks every 10 s.',
    drainer: (client) => drainerOf(CLUSTER_AUTOSCALER, client),
    script: oneAfterTheOther,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'uid-drainer',
    title: 'A drainer that names the instance',
    about:
      'A drainer like Karpenter taints the node and sets the UID precondition; one that is late names a former one.',
    drainer: (client) => drainerOf(KARPENTER, client),
    script: drainByInstance,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'cluster-api',
    title: 'One pod after the other',
    about: 'A drainer like Cluster API cordons and evicts serially, every 20 s.',
    drainer: (client) => drainerOf(CLUSTER_API, client),
    script: drainOne,
    rules: SAFE_IN_PLACE,
  },
  {
    name: 'dry-run',
    title: 'A dry run',
    about: 'Evictions that are dry runs by request or by body, and kubectl drain --dry-run=server, write nothing.',
    script: dryRun,
    rules: [nobodyEvicted, rules.nobodyMoved, nobodyMarked, rules.nothingRemembered],
  },
  {
    name: 'large',
    title: '200 pods on one node',
    about: 'All of 200 members stand on the drained node; the operator moves 50 at a time.',
    members: 200,
    isPacked: true,
    atOnce: 50,
    script: async (play) => {
      // A drainer needs long to ask for all of them.
      await play.drain(play.node(), { heldFor: 1 });
    },
    // 4 % where the machine has nothing else to do. How fast it is must not decide whether a drain was safe.
    rules: [...SAFE, rules.available(50), rules.entriesFit('in-place'), rules.hookBusyBelow(25)],
  },
];

export const SCENARIOS: readonly Scenario[] = [...COUCHBASE_SCENARIOS, ...OPERATOR_SCENARIOS];

/** `--list`: one line for each scenario. */
export const scenarioLines = () => SCENARIOS.map(({ name, about }) => `${name.padEnd(17)} ${about}`);

/** The scenarios of those names, which commas separate; all of them for `all`. Throws a UsageError that lists the wrong names. */
export function scenariosNamed(names: string): readonly Scenario[] {
  if (names === 'all') return SCENARIOS;
  const wanted = [...new Set(names.split(','))];
  const wrong = wanted.filter((name) => !SCENARIOS.some((one) => one.name === name));
  const list = wrong.map((name) => `"${name}"`).join(', ');
  if (wrong.length > 0) throw new UsageError(`there is no scenario ${list}; see --list`);
  return wanted.flatMap((name) => SCENARIOS.filter((one) => one.name === name));
}

/** Those of the scenarios that fit that profile, to be played with it; without one, as they are. */
export function forModel(scenarios: readonly Scenario[], model: OperatorModel | undefined): readonly Scenario[] {
  if (model === undefined) return scenarios;
  const fitting = scenarios.filter(({ fits }) => fits?.(model));
  if (fitting.length > 0) return fitting.map((one) => played(one, model));
  const all = SCENARIOS.filter(({ fits }) => fits?.(model)).map(({ name }) => name);
  throw new UsageError(`no such scenario goes with --profile ${model.profile}; these do: ${all.join(', ')}`);
}

function played(scenario: Scenario, model: OperatorModel): Scenario {
  const { endsFor } = scenario;
  const ends = endsFor === undefined ? {} : { ends: endsFor(model) };
  return { ...scenario, ...ends, name: `${model.profile}/${scenario.name}`, model };
}
