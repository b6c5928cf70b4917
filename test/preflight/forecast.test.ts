import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { commandFor, forecastPods } from '../../src/preflight/forecast/forecast.ts';
import { CORDON } from '../../src/preflight/scheduling/choice.ts';
import { aPod, aTracker, NOW, PROFILE, without } from '../support/builders.ts';
import { factsOf, found, MARKED, member, node, object, waits } from './facts.ts';

const SOURCES = globSync(new URL('../../src/preflight/forecast/*.ts', import.meta.url).pathname);
const CORDONED = { unschedulable: true, taints: [CORDON] };
const REPORT = { annotation: 'example.com/drained' };
const ago = (ms: number) => new Date(NOW - ms).toISOString();
const budget = (name: string, status: object, spec: object = {}) => ({
  metadata: { namespace: 'db', name },
  spec: { selector: { matchLabels: { app: 'couchbase' } }, ...spec },
  status,
});
const AT_ZERO = { disruptionsAllowed: 0, currentHealthy: 2, desiredHealthy: 2, expectedPods: 2 };
const claim = { metadata: { namespace: 'db', name: 'data' }, spec: { volumeName: 'pv' } };
const volumeOn = (name: string) => ({
  metadata: { name: 'pv' },
  spec: {
    nodeAffinity: {
      required: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [name] }] }],
      },
    },
  },
});
const withClaim = { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] };
const cpu = (amount: string) => ({ containers: [{ resources: { requests: { cpu: amount } } }] });
const apart = (topologyKey: string) => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey, labelSelector: { matchLabels: { app: 'couchbase' } } },
      ],
    },
  },
});
const inNodes = (operator: string, values: readonly string[]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator, values }] }],
      },
    },
  },
});
const alone = member({ siblings: 1 });

const lost = {
  ...node('node-1'),
  status: { ...node('node-1').status, conditions: [{ type: 'Ready', status: 'Unknown' }] },
};

describe('what ends, and what does not', () => {
  const cases: readonly [string, Parameters<typeof found>[0], readonly string[]][] = [
    [
      'a finished pod needs no operator, no node and no company',
      {
        members: [
          member({
            siblings: 1,
            status: { phase: 'Failed' },
            decision: waits('Ending'),
            tracker: aTracker({ hindrance: 'Paused' }),
          }),
        ],
        nodes: [node('node-1')],
      },
      ['Finished delays'],
    ],
    [
      'a terminating pod of a Job, whose controller removes the finalizer',
      {
        others: [
          object('job', { metadata: { deletionTimestamp: ago(0), finalizers: ['batch.kubernetes.io/job-tracking'] } }),
        ],
      },
      ['Terminating delays'],
    ],
    [
      'kubectl asks for flags of terminating pods, too',
      {
        others: [
          object('web', {
            metadata: { deletionTimestamp: ago(0), ownerReferences: [] },
            spec: { volumes: [{ name: 'a', emptyDir: {} }] },
          }),
        ],
      },
      ['EmptyDir flag', 'NoController flag', 'Terminating delays'],
    ],
    [
      'the kubelet is away',
      { members: [member()], others: [object('web')], nodes: [lost, node('node-2')] },
      ['NodeLost hangs', 'NodeLost hangs'],
    ],
    [
      'the kubelet is away, and the pod has finished',
      { others: [object('web', { status: { phase: 'Succeeded' } })], nodes: [lost, node('node-2')] },
      [],
    ],
  ];
  for (const [what, given, expected] of cases) test(what, () => assert.deepEqual(found(given), expected));

  test('a budget whose pods cannot be counted', () => {
    const conditions = [{ type: 'DisruptionAllowed', status: 'False', reason: 'SyncFailed', message: 'no scale' }];
    const budgets = [budget('pdb', { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, conditions })];
    const [first] = forecastPods(factsOf({ others: [object('web')], budgets })).flatMap(({ findings }) => findings);
    assert.match(first?.text ?? '', /cannot be counted: no scale\.$/);
    assert.match(first?.remedy ?? '', /minAvailable as a number/);
  });
});

describe('a pod that the hook protects', () => {
  const cases: readonly [string, Parameters<typeof found>[0], readonly string[]][] = [
    ['one that nothing hinders', { members: [member()] }, []],
    ['its operator is paused', { members: [member({ tracker: aTracker({ hindrance: 'Paused' }) })] }, ['Paused hangs']],
    [
      'its operator is busy',
      { members: [member({ tracker: aTracker({ hindrance: 'Rebalancing' }) })] },
      ['Rebalancing delays'],
    ],
    [
      'a resource of its profile reports it',
      { members: [member({ reported: { kind: 'Kafka', name: 'k', word: 'ReconciliationPaused' } })] },
      ['ReconciliationPaused hangs'],
    ],
    ['others of its group come first', { members: [member({ decision: waits('GroupBusy') })] }, ['GroupBusy hangs']],
    [
      'those others are of the same drain',
      { members: [member({ decision: waits('GroupBusy'), busyElsewhere: false })] },
      ['GroupBusy delays'],
    ],
    ['it is the only member', { members: [alone] }, ['OnlyMember note']],
    [
      'it is the only one, which its operator never moves',
      { members: [{ ...alone, profile: { ...PROFILE, neverAlone: true } }] },
      ['OnlyMember hangs'],
    ],
    [
      'a disruption budget at zero does not matter',
      { members: [member()], budgets: [budget('pdb', AT_ZERO)] },
      ['Budget note'],
    ],
    [
      'its profile respects that budget, and the hook says so',
      {
        members: [member({ decision: waits('BudgetExhausted'), profile: { ...PROFILE, respectsBudgets: true } })],
        budgets: [budget('pdb', AT_ZERO)],
      },
      ['Budget hangs'],
    ],
    [
      'the hook evicts it itself, so that budget counts',
      {
        members: [member({ profile: { ...PROFILE, report: REPORT } })],
        budgets: [budget('pdb', AT_ZERO)],
      },
      ['Budget hangs'],
    ],
    ['its profile has no mark', { members: [member({ decision: { ...MARKED, reason: 'Held' } })] }, ['Held hangs']],
    [
      'its volume is bound to the node',
      { members: [member({ spec: withClaim })], world: { claims: [claim], volumes: [volumeOn('node-1')] } },
      ['LocalVolume likely'],
    ],
    [
      'its volume is bound to another node as well',
      { members: [member({ spec: withClaim })], world: { claims: [claim], volumes: [volumeOn('node-2')] } },
      [],
    ],
    [
      'its replacement has another name, and a volume of its own',
      {
        members: [member({ spec: withClaim, tracker: aTracker({ reusesNames: false }) })],
        world: { claims: [claim], volumes: [volumeOn('node-1')] },
      },
      [],
    ],
    ['there is no other node', { members: [member()], nodes: [node('node-1')] }, ['NoOtherNode likely']],
    [
      'the other node is cordoned',
      { members: [member()], nodes: [node('node-1'), node('node-2', CORDONED)] },
      ['NoOtherNode likely'],
    ],
    [
      'the other node is to be drained, too',
      { members: [member()], drained: ['node-1', 'node-2'] },
      ['NoOtherNode likely'],
    ],
    ['its nodeSelector', { members: [member({ spec: { nodeSelector: { disk: 'ssd' } } })] }, ['NoOtherNode likely']],
    ['its node affinity', { members: [member({ spec: inNodes('In', ['node-1']) })] }, ['NoOtherNode likely']],
    ['its node affinity allows it', { members: [member({ spec: inNodes('NotIn', ['node-1']) })] }, []],
    [
      'a taint that it does not tolerate',
      {
        members: [member()],
        nodes: [node('node-1'), node('node-2', { taints: [{ key: 'x', effect: 'NoSchedule' }] })],
      },
      ['NoOtherNode likely'],
    ],
    [
      'a taint that it tolerates, and one that is only a preference',
      {
        members: [member({ spec: { tolerations: [{ key: 'x', operator: 'Exists' }] } })],
        nodes: [
          node('node-1'),
          node('node-2', {
            taints: [
              { key: 'x', effect: 'NoSchedule' },
              { key: 'y', effect: 'PreferNoSchedule' },
            ],
          }),
        ],
      },
      [],
    ],
    [
      'too little CPU is free',
      {
        members: [member({ spec: cpu('3') })],
        elsewhere: [object('big', { spec: { nodeName: 'node-2', ...cpu('1500m') } })],
      },
      ['NoOtherNode likely'],
    ],
    [
      'there is room for one of two',
      { members: [member({ spec: cpu('3') }), member({ name: 'cb-0001', spec: cpu('3') })] },
      ['NoOtherNode likely'],
    ],
    [
      'a pod that it must be apart from is there',
      {
        members: [member({ spec: apart('kubernetes.io/hostname') })],
        elsewhere: [object('cb-0001', { spec: { nodeName: 'node-2' } })],
      },
      ['NoOtherNode likely'],
    ],
    [
      'another pod wants to be apart from it',
      {
        members: [member()],
        elsewhere: [object('cb-0001', { spec: { nodeName: 'node-2', ...apart('kubernetes.io/hostname') } })],
      },
      ['NoOtherNode likely'],
    ],
    [
      'apart from itself, which goes first',
      {
        members: [member({ spec: apart('zone') })],
        nodes: ['node-1', 'node-2'].map((name) => node(name, {}, '4', { zone: 'a' })),
      },
      [],
    ],
    [
      'apart from itself, which goes last',
      {
        members: [member({ spec: apart('zone'), tracker: aTracker({ reusesNames: false }) })],
        nodes: ['node-1', 'node-2'].map((name) => node(name, {}, '4', { zone: 'a' })),
      },
      ['NoOtherNode likely'],
    ],
    [
      'it tolerates the cordon',
      {
        members: [member({ spec: { tolerations: [{ operator: 'Exists' }] } })],
        elsewhere: [object('big', { spec: { nodeName: 'node-2', ...cpu('2') } })],
      },
      ['ToleratesCordon likely'],
    ],
    [
      'it tolerates the cordon, and another node is emptier',
      {
        members: [member({ spec: { tolerations: [{ operator: 'Exists' }] } })],
        elsewhere: [object('big', { spec: cpu('2') })],
      },
      ['ToleratesCordon note'],
    ],
    ['nobody owns it', { members: [member({ pod: without(aPod(), 'owner') })] }, ['NoOperator hangs']],
    [
      'a ReplicaSet owns it',
      { members: [member({ pod: aPod({ owner: { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r' } }) })] },
      ['NoOperator hangs'],
    ],
    ['it is terminating', { members: [member({ metadata: { deletionTimestamp: ago(0) } })] }, ['Terminating delays']],
    [
      'it should be gone',
      { members: [member({ metadata: { deletionTimestamp: ago(60_000) } })] },
      ['Terminating hangs'],
    ],
    [
      'a finalizer keeps it',
      { members: [member({ metadata: { deletionTimestamp: ago(0), finalizers: ['a/b'] } })] },
      ['Terminating hangs'],
    ],
    ['it is marked already', { members: [member({ decision: waits('Waiting') })] }, ['AlreadyMarked note']],
    [
      'it is marked already, and nothing says since when',
      { members: [member({ decision: waits('Waiting'), pod: aPod({ mark: { matches: true } }) })] },
      ['AlreadyMarked delays'],
    ],
    ['it is stalled', { members: [member({ decision: waits('Stalled') })] }, ['AlreadyMarked hangs']],
    ['somebody holds it', { members: [member({ decision: waits('Held') })] }, ['Held hangs']],
    [
      'somebody says that it may be evicted',
      { members: [member({ decision: { kind: 'allow', reason: 'Ignored', rule: '6a' } })] },
      ['Ignored unsafe'],
    ],
    [
      'the same, and a disruption budget is at zero',
      {
        members: [member({ decision: { kind: 'allow', reason: 'Ignored', rule: '6a' } })],
        budgets: [budget('pdb', AT_ZERO)],
      },
      ['Ignored unsafe', 'Budget hangs'],
    ],
    [
      'its emptyDir stops kubectl',
      { members: [member({ spec: { volumes: [{ name: 'tmp', emptyDir: {} }] } })] },
      ['EmptyDir flag'],
    ],
  ];
  for (const [what, given, expected] of cases) test(what, () => assert.deepEqual(found(given), expected));

  test('each finding is a sentence, and each that is bad names a remedy', () => {
    for (const { findings } of cases.flatMap(([, given]) => forecastPods(factsOf(given)))) {
      for (const { text, remedy, verdict } of findings) {
        assert.match(text, /^[A-Z].*\.$/);
        if (verdict === 'hangs' || verdict === 'likely') assert.notEqual(remedy, '');
      }
    }
  });

  test('what the replacement was judged by is said', () => {
    const nodes = [node('node-1'), node('node-2', CORDONED), node('node-3', CORDONED), node('node-4', {}, '500m')];
    const [pod] = forecastPods(factsOf({ members: [member()], nodes }));
    assert.match(pod?.findings[0]?.text ?? '', /\(of 3: 2 cordoned, 1 too little cpu\)/);
  });
});

describe('any other pod', () => {
  const deployed = (more: Parameters<typeof object>[1] = {}) =>
    object('web', {
      metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', controller: true }] },
      ...more,
    });
  const daemon = object('agent', {
    metadata: { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'DaemonSet', name: 'agent', controller: true }] },
  });
  const job = object('backup', {
    metadata: { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'backup', controller: true }] },
  });
  const notReady = { phase: 'Running', conditions: [] };
  const cases: readonly [string, Parameters<typeof found>[0], readonly string[]][] = [
    ['of a ReplicaSet', { others: [deployed()] }, []],
    [
      'with an emptyDir',
      { others: [deployed({ spec: { volumes: [{ name: 'a', emptyDir: {} }] } })] },
      ['EmptyDir flag'],
    ],
    ['without a controller', { others: [object('one', { metadata: { ownerReferences: [] } })] }, ['NoController flag']],
    [
      'that has ended',
      { others: [object('one', { metadata: { ownerReferences: [] }, status: { phase: 'Succeeded' } })] },
      [],
    ],
    ['of a Job that a profile selects', { others: [job], immovable: [job] }, ['Immovable note']],
    ['of a DaemonSet', { others: [daemon], budgets: [budget('pdb', AT_ZERO)] }, ['DaemonSet flag']],
    [
      'of the kubelet',
      {
        others: [
          object('etcd', { metadata: { ownerReferences: [], annotations: { 'kubernetes.io/config.mirror': '' } } }),
        ],
      },
      [],
    ],
    ['with a budget at zero', { others: [deployed()], budgets: [budget('pdb', AT_ZERO)] }, ['Budget hangs']],
    ['with a budget', { others: [deployed()], budgets: [budget('pdb', { ...AT_ZERO, disruptionsAllowed: 1 })] }, []],
    [
      'of which two are to go, one after the other',
      { others: [deployed(), deployed()], budgets: [budget('pdb', { ...AT_ZERO, disruptionsAllowed: 1 })] },
      [],
    ],
    [
      'of which two are to go, and no node takes a replacement',
      {
        others: [deployed(), deployed()],
        budgets: [budget('pdb', { ...AT_ZERO, disruptionsAllowed: 1 })],
        nodes: [node('node-1')],
      },
      ['Budget likely', 'Budget likely'],
    ],
    [
      'whose replacement takes the room of a protected pod',
      { others: [deployed({ spec: cpu('3') })], members: [member({ spec: cpu('3') })] },
      ['NoOtherNode likely'],
    ],
    [
      'that is not replaced, and leaves the room to a protected pod',
      {
        others: [object('one', { metadata: { ownerReferences: [] }, spec: cpu('3') })],
        members: [member({ spec: cpu('3') })],
      },
      ['NoController flag'],
    ],
    [
      'with two budgets',
      {
        others: [deployed()],
        budgets: [budget('a', { disruptionsAllowed: 1 }), budget('b', { disruptionsAllowed: 1 })],
      },
      ['SeveralBudgets hangs'],
    ],
    [
      'not Ready, with a budget of healthy pods',
      { others: [deployed({ status: notReady })], budgets: [budget('pdb', AT_ZERO)] },
      [],
    ],
    [
      'not Ready, with a budget that lacks healthy pods',
      { others: [deployed({ status: notReady })], budgets: [budget('pdb', { ...AT_ZERO, currentHealthy: 1 })] },
      ['Budget hangs'],
    ],
    [
      'the same, and its budget lets the unhealthy go',
      {
        others: [deployed({ status: notReady })],
        budgets: [budget('pdb', { ...AT_ZERO, currentHealthy: 1 }, { unhealthyPodEvictionPolicy: 'AlwaysAllow' })],
      },
      [],
    ],
    [
      'that a finalizer keeps',
      { others: [deployed({ metadata: { deletionTimestamp: ago(0), finalizers: ['a/b'] } })] },
      ['Terminating hangs'],
    ],
  ];
  for (const [what, given, expected] of cases) test(what, () => assert.deepEqual(found(given), expected));

  test('the command has the flags that they need', () => {
    const others = [daemon, object('one', { metadata: { ownerReferences: [] } })];
    assert.equal(
      commandFor(['node-1'], forecastPods(factsOf({ others }))),
      'kubectl drain node-1 --ignore-daemonsets --force',
    );
  });
});

test('docs/preflight.md has a row for each finding', () => {
  const page = readFileSync(new URL('../../docs/preflight.md', import.meta.url), 'utf-8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `'));
  const words = SOURCES.flatMap((file) => [...readFileSync(file, 'utf-8').matchAll(/what: '([A-Z]\w+)'/g)]);
  const named = new Set(words.map(([, word = '']) => word));
  assert.ok(named.size > 15, `${[...named]}`);
  assert.deepEqual(
    [...named].filter((word) => !rows.some((row) => row.split('|')[1]?.includes(`\`${word}\``))),
    [],
  );
});

test('the outcome of each pod', () => {
  const members = [member(), member({ name: 'cb-0001', decision: waits('Held') })];
  const outcomes = forecastPods(factsOf({ members, others: [object('x')] })).map(({ name, outcome }) => [
    name,
    outcome,
  ]);
  assert.deepEqual(outcomes, [
    ['cb-0000', 'marked'],
    ['cb-0001', 'waits'],
    ['x', 'evicted'],
  ]);
});
