import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { whyNot as problemOf } from '../../src/preflight/scheduling/fit.ts';
import {
  type LabelSelectorObject,
  leanPod,
  type NodeObject,
  type PodObject,
  type SchedulingWorld,
} from '../../src/preflight/scheduling/objects.ts';
import { Placement } from '../../src/preflight/scheduling/placement.ts';
import { requestsOf, thousandths } from '../../src/preflight/scheduling/requests.ts';
import { selectsLabels, selectsNode } from '../../src/preflight/scheduling/selectors.ts';
import { node, object } from './facts.ts';

const whyNot = (pod: PodObject, node: NodeObject, seen: SchedulingWorld) => problemOf(pod, seen)(node);
const HERE = node('node-1', {}, '4', { zone: 'a' });
const THERE = node('node-2', {}, '4', { zone: 'b' });
const APP: LabelSelectorObject = { matchLabels: { app: 'couchbase' } };

const world = (pods: readonly PodObject[], more: Partial<SchedulingWorld> = {}): SchedulingWorld => ({
  nodes: [HERE, THERE],
  pods,
  claims: [],
  volumes: [],
  namespaces: new Map(),
  ...more,
});

/** A pod without a node of its own yet. */
const pending = (spec: PodObject['spec']) => {
  const { nodeName: _, ...rest } = object('new').spec;
  return { ...object('new'), spec: { ...rest, ...spec } };
};
const on = (nodeName: string, more: Parameters<typeof object>[1] = {}) =>
  object(`on-${nodeName}`, { ...more, spec: { nodeName, ...more.spec } });

describe('other pods', () => {
  const beside = (term: object) =>
    pending({
      affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone', ...term }] } },
    });

  test('that it must be beside', () => {
    const pod = beside({ labelSelector: APP });
    const somewhere = world([on('node-1')]);
    assert.equal(whyNot(pod, HERE, somewhere), undefined);
    assert.equal(whyNot(pod, THERE, somewhere), 'no pod that it must be beside');
  });

  test('that it must be beside, and that are only itself', () => {
    assert.equal(whyNot(beside({ labelSelector: APP }), THERE, world([])), undefined);
    const others = beside({ labelSelector: { matchLabels: { app: 'web' } } });
    assert.equal(whyNot(others, THERE, world([])), 'no pod that it must be beside');
  });

  test('of other namespaces, by name and by label', () => {
    const there = on('node-1', { metadata: { namespace: 'web' } });
    const seen = world([there], { namespaces: new Map([['web', { team: 'a' }]]) });
    for (const term of [{ namespaces: ['web'] }, { namespaceSelector: { matchLabels: { team: 'a' } } }]) {
      assert.equal(whyNot(beside({ labelSelector: APP, ...term }), HERE, seen), undefined);
      assert.equal(whyNot(beside({ labelSelector: APP, ...term }), THERE, seen), 'no pod that it must be beside');
    }
  });

  test('over which it must be spread', () => {
    const spread = (more: object = {}) => {
      const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: APP };
      return pending({ topologySpreadConstraints: [{ ...constraint, ...more }] });
    };
    const seen = world([on('node-1')]);
    assert.equal(whyNot(spread(), HERE, seen), 'topology spread');
    assert.equal(whyNot(spread(), THERE, seen), undefined);
    assert.equal(whyNot(spread({ maxSkew: 2 }), HERE, seen), undefined);
    assert.equal(whyNot(spread({ whenUnsatisfiable: 'ScheduleAnyway' }), HERE, seen), undefined);
    assert.equal(whyNot(spread({ topologyKey: 'rack' }), THERE, seen), 'topology spread');
    assert.equal(whyNot(spread({ minDomains: 3, maxSkew: 1 }), HERE, seen), 'topology spread');
  });

  test('only domains that the pod may choose count', () => {
    const constraint = { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: APP };
    const pod = pending({ nodeSelector: { zone: 'a' }, topologySpreadConstraints: [constraint] });
    assert.equal(whyNot(pod, HERE, world([on('node-1')])), undefined);
  });

  test('with the same host port', () => {
    const containers = [{ ports: [{ hostPort: 80 }] }];
    const seen = world([on('node-1', { spec: { containers } })]);
    assert.equal(whyNot(pending({ containers }), HERE, seen), 'host port taken');
    assert.equal(whyNot(pending({ containers }), THERE, seen), undefined);
    assert.equal(
      whyNot(pending({ containers: [{ ports: [{ hostPort: 80, protocol: 'UDP' }] }] }), HERE, seen),
      undefined,
    );
  });

  test('that fill the node', () => {
    const many = Array.from({ length: 10 }, () => on('node-1', { spec: { containers: [] } }));
    assert.equal(whyNot(pending({ containers: [] }), HERE, world(many)), 'too little pods');
    const ended = many.map((pod) => ({ ...pod, status: { phase: 'Succeeded' } }));
    assert.equal(whyNot(pending({ containers: [] }), HERE, world(ended)), undefined);
  });
});

test('a volume of a zone', () => {
  const claims = [{ metadata: { namespace: 'db', name: 'data' }, spec: { volumeName: 'pv' } }];
  const labels = { 'topology.kubernetes.io/zone': 'x__y' };
  const seen = world([], { claims, volumes: [{ metadata: { name: 'pv', labels } }] });
  const pod = pending({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
  const inZone = (zone: string) => node('node-3', {}, '4', { 'topology.kubernetes.io/zone': zone });
  assert.equal(whyNot(pod, inZone('y'), seen), undefined);
  assert.equal(whyNot(pod, inZone('z'), seen), 'its volume is elsewhere');
});

describe('requests', () => {
  test('of quantities', () => {
    const all = ['100m', '1', '0.1', '1.5Gi', '1e3', '2k', '', 'nonsense'].map(thousandths);
    assert.deepEqual(all, [100, 1_000, 100, 1.5 * 2 ** 30 * 1_000, 1_000_000, 2_000_000, 0, 0]);
  });

  test('of containers, sidecars and init containers', () => {
    const cpu = (amount: string, more: object = {}) => ({ resources: { requests: { cpu: amount } }, ...more });
    const requested = (spec: PodObject['spec']) => requestsOf({ metadata: { name: 'a' }, spec }).get('cpu');
    assert.equal(requested({ containers: [cpu('1'), cpu('500m')] }), 1_500);
    assert.equal(requested({ containers: [cpu('1')], initContainers: [cpu('3')] }), 3_000);
    const sidecar = cpu('1', { restartPolicy: 'Always' });
    assert.equal(requested({ containers: [cpu('1')], initContainers: [sidecar, cpu('3')] }), 4_000);
    assert.equal(requested({ containers: [cpu('1')], initContainers: [sidecar] }), 2_000);
    assert.equal(requested({ containers: [cpu('1')], overhead: { cpu: '250m' } }), 1_250);
    assert.equal(requested({ containers: [cpu('1')], resources: { requests: { cpu: '3' } } }), 3_000);
  });
});

describe('selectors', () => {
  const by = (operator: string, ...values: string[]): LabelSelectorObject => ({
    matchExpressions: [{ key: 'n', operator, values }],
  });

  test('of labels', () => {
    const cases: readonly [LabelSelectorObject | undefined, Record<string, string>, boolean][] = [
      [undefined, {}, false],
      [{}, {}, true],
      [by('In', '1'), { n: '1' }, true],
      [by('In', '1'), {}, false],
      [by('NotIn', '1'), {}, true],
      [by('NotIn', '1'), { n: '1' }, false],
      [by('Exists'), { n: '' }, true],
      [by('DoesNotExist'), { n: '' }, false],
      [by('Gt', '5'), { n: '7' }, true],
      [by('Lt', '5'), { n: '7' }, false],
      [by('Unheard'), { n: '7' }, false],
    ];
    for (const [selector, labels, expected] of cases) {
      assert.equal(selectsLabels(selector, labels), expected, JSON.stringify([selector, labels]));
    }
  });

  test('of nodes: by name, by one of several terms, and by none', () => {
    const named = { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['node-1'] }] };
    assert.ok(selectsNode({ nodeSelectorTerms: [{}, named] }, HERE));
    assert.ok(!selectsNode({ nodeSelectorTerms: [named] }, THERE));
    assert.ok(!selectsNode({ nodeSelectorTerms: [{}] }, HERE));
  });
});

describe('a pod that tolerates the cordon comes back', () => {
  const GONE = { goesFirst: true, hasNewVolumes: false };
  const tolerant = (more: Parameters<typeof object>[1] = {}) =>
    object('own', { ...more, spec: { tolerations: [{ operator: 'Exists' }], ...more.spec } });
  const comesBack = (pods: readonly PodObject[], own = tolerant(), nodes = [HERE, THERE]) =>
    new Placement({ ...world([own, ...pods]), nodes }, ['node-1']).move(own, GONE).comesBack;
  const takes = (nodeName: string, requests: Record<string, string>) =>
    on(nodeName, { metadata: { labels: {} }, spec: { containers: [{ resources: { requests } }] } });

  test('to the emptiest node', () => {
    assert.equal(comesBack([takes('node-2', { cpu: '1' })]), true);
    assert.equal(comesBack([takes('node-1', { cpu: '1' })]), false);
  });

  test('if the scheduler may throw a coin, because another node is as empty', () => {
    assert.equal(comesBack([]), true);
    assert.equal(comesBack([], tolerant(), [THERE, HERE]), true);
  });

  test('if the nodes differ by less than a point of the scheduler', () => {
    assert.equal(comesBack([takes('node-1', { cpu: '10m', memory: '10Mi' })]), true);
  });

  test('not past a pod without requests: the scheduler counts it as 100m and 200Mi', () => {
    assert.equal(comesBack([takes('node-1', {})]), false);
  });

  test('to a node that is as full, where its requests fit the shape of what is free better', () => {
    const own = tolerant({ spec: { containers: [{ resources: { requests: { cpu: '1', memory: '0' } } }] } });
    const pods = [takes('node-1', { cpu: '0', memory: '2Gi' }), takes('node-2', { cpu: '1', memory: '0' })];
    assert.equal(comesBack(pods, own), true);
    assert.equal(comesBack(pods.map(swapped), own), false);
  });

  test('rather than to a pod that it prefers to be apart from', () => {
    const term = { podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: APP } };
    const affinity = { podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [term] } };
    const own = tolerant({ spec: { affinity } });
    const full = takes('node-1', { cpu: '2', memory: '4Gi' });
    assert.equal(comesBack([full], own), false);
    assert.equal(comesBack([full, on('node-2')], own), true);
  });

  function swapped(pod: PodObject): PodObject {
    const nodeName = pod.spec.nodeName === 'node-1' ? 'node-2' : 'node-1';
    return { ...pod, spec: { ...pod.spec, nodeName } };
  }
});

test('how often a pod is looked at does not grow with the number of nodes', () => {
  const required = [{ topologyKey: 'kubernetes.io/hostname', labelSelector: APP }];
  const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } };
  const looksWith = (size: number) => {
    const nodes = Array.from({ length: size }, (_, i) => node(`node-${i + 1}`));
    let looks = 0;
    const there = Array.from({ length: 8 }, (_, i) => {
      const { spec, ...other } = object(`other-${i}`, { spec: { nodeName: `node-${i + 2}` } });
      return Object.defineProperty({ ...other } as PodObject, 'spec', {
        get: () => {
          looks++;
          return spec;
        },
      });
    });
    const own = object('own', { metadata: { labels: { app: 'web' } }, spec: { affinity } });
    const placement = new Placement({ ...world([own, ...there]), nodes }, ['node-1']);
    placement.move(own, { goesFirst: true, hasNewVolumes: false });
    return looks;
  };
  assert.equal(looksWith(40), looksWith(10));
});

test('of a pod on another node only that is kept which the scheduler would look at', () => {
  const pod = object('big', { spec: { nodeName: 'node-2', tolerations: [{ operator: 'Exists' }] } });
  const raw = { ...pod, metadata: { ...pod.metadata, annotations: { note: 'x'.repeat(1000) }, managedFields: [{}] } };
  assert.deepEqual(leanPod(raw), {
    metadata: { namespace: 'db', name: 'big', labels: { app: 'couchbase' } },
    spec: { nodeName: 'node-2', containers: [{ resources: { requests: { cpu: '1' } } }], initContainers: [] },
    status: { phase: 'Running' },
  });
});
