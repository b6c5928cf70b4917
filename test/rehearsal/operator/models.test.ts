import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type OperatorModel, sharedLabels } from '../../../rehearsal/operator/model.ts';
import { AEROSPIKE } from '../../../rehearsal/operator/models/aerospike.ts';
import { ARANGODB_REPLACE, ARANGODB_ROTATE } from '../../../rehearsal/operator/models/arangodb.ts';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import { ES_OPERATOR } from '../../../rehearsal/operator/models/es-operator.ts';
import { FOUNDATIONDB, FOUNDATIONDB_TAINTS } from '../../../rehearsal/operator/models/foundationdb.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { PGO_PRIMARY } from '../../../rehearsal/operator/models/pgo.ts';
import { SLURM_NODESET } from '../../../rehearsal/operator/models/slurm.ts';
import { STRIMZI_CONNECT, STRIMZI_KAFKA } from '../../../rehearsal/operator/models/strimzi.ts';
import { VITESS_TABLET } from '../../../rehearsal/operator/models/vitess.ts';
import { planCluster } from '../../../rehearsal/operator/operator-plan.ts';
import type { Memory, OperatorPlan, Sight, Step } from '../../../rehearsal/operator/plan.ts';
import { BUILT_IN } from '../../../src/config/profiles/built-in.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { type Member, viewMember } from '../../../testkit/couchbase/member.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NOW = 100_000;
const PREPARE_MS = 300;
const EMPTY_MS = 400;
const NOTICE_MS = 500;
const IN_PLACE = { upgradeProcess: 'InPlaceUpgrade' };

interface Given extends Partial<Omit<Sight, 'cluster' | 'members'>> {
  readonly spec?: JsonObject;
  readonly annotations?: Record<string, string>;
  readonly known?: readonly string[];
  /** Of the custom resource, beside what every stand-in has. */
  readonly state?: JsonObject;
  readonly members?: readonly Member[];
  readonly memory?: Partial<Memory>;
  readonly now?: number;
}

/** All members are rebalanced unless the memory says otherwise. */
function plan(model: OperatorModel, given: Given = {}): OperatorPlan {
  const { spec = {}, annotations = {}, known = [], state = {}, memory, now = NOW, ...sight } = given;
  const metadata = { namespace: 'db', name: 'cb', uid: 'c', annotations };
  const status = { members: { ready: known }, ...state };
  const cluster = model.view({ metadata, spec: { size: 3, ...IN_PLACE, ...model.spec, ...spec }, status });
  const members = given.members ?? three(model);
  const balanced = new Set(members.map(({ uid }) => uid));
  const settings = {
    model,
    annotation: model.mark,
    maxUpgradable: model.atOnce,
    rebalanceMs: 100,
    prepareMs: model.pace.prepare ? PREPARE_MS : 0,
    emptyMs: EMPTY_MS,
    noticeMs: model.pace.notice ? NOTICE_MS : 0,
    recreateDelayMs: 0,
  };
  return planCluster({ ...sight, cluster, members }, { balanced, deletedAt: new Map(), ...memory }, settings, now);
}

const cluster = (model: OperatorModel, spec: JsonObject = {}) =>
  model.view({ metadata: { namespace: 'db', name: 'cb' }, spec });

/** A member that is Running and Ready on the node with the next number. */
function aMember(model: OperatorModel, index: number, over: Partial<Member> = {}): Member {
  const name = model.nameOf(cluster(model), index);
  const role = model.role && { [model.role.label]: index === 0 ? model.role.primary : model.role.replica };
  const labels = { ...model.labels('cb', name), ...role };
  const metadata = { namespace: 'db', name, uid: `u${index}`, labels, annotations: model.annotations ?? {} };
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const member = viewMember('cb', { metadata, spec: { nodeName: `node-${index + 1}` }, status }, model.indexOf);
  assert.ok(member, metadata.name);
  return { ...member, ...over };
}

const three = (model: OperatorModel, ...over: Partial<Member>[]) =>
  [0, 1, 2].map((index) => aMember(model, index, over[index]));

const marked = ({ mark, annotations }: OperatorModel) => ({
  annotations: { ...annotations, ...(mark && { [mark.key]: mark.isAny ? 'anything' : mark.value }) },
});

/** Of these members the operator is asked to move the ones with these numbers, in its own way. */
function asking(model: OperatorModel, members: readonly Member[], which: readonly number[]): Given {
  if (model.mark !== undefined) {
    return { members: members.map((one) => (which.includes(one.index) ? { ...one, ...marked(model) } : one)) };
  }
  const asked = which.flatMap((index) => members.filter((one) => one.index === index));
  if (model === PGO_PRIMARY) return { members: members.map((one) => asPrimary(one, which)), ...SWITCHOVER };
  if (model === FOUNDATIONDB) return { members, spec: { processGroupsToRemove: asked.map(groupOf) } };
  const taintedSince = new Map(asked.map(({ uid }) => [uid, NOW - NOTICE_MS]));
  return { members, taints: tainted(...asked), memory: { taintedSince } };
}

const SWITCHOVER = { annotations: { 'postgres-operator.crunchydata.com/trigger-switchover': 'u1.now' } };
const groupOf = ({ labels }: Member) => labels['foundationdb.org/fdb-process-group-id'] ?? '';
const tainted = (...members: readonly Member[]) =>
  new Map(members.map(({ node = '' }) => [node, ['node.kubernetes.io/unschedulable']]));

/** The first of them is the primary. */
function asPrimary(member: Member, [first]: readonly number[]): Member {
  const role = member.index === first ? 'master' : 'replica';
  return { ...member, labels: { ...member.labels, 'postgres-operator.crunchydata.com/role': role } };
}

/** Steps in short: `delete cb-0001 (in place)`. */
function steps({ steps }: OperatorPlan): string[] {
  return steps.map((step) => `${step.kind} ${step.kind === 'create' ? step.pod : step.member.name}${detailOf(step)}`);
}

function detailOf(step: Step): string {
  switch (step.kind) {
    case 'create':
    case 'delete':
      return ` (${step.why})`;
    case 'report':
      return ` ${step.progress}`;
    case 'name role':
      return ` ${step.value}`;
    case 'hand over':
      return ` to ${step.to.name}`;
    default:
      return '';
  }
}

/** The names of those that are on their way: deleted, being prepared, or about to be swapped for another. */
const moving = ({ steps, memory }: OperatorPlan) => [
  ...steps.flatMap((step) => (step.kind === 'delete' ? [step.member.uid] : [])),
  ...(memory.busyUntil?.keys() ?? []),
  ...steps.flatMap((step) => (step.kind === 'create' ? [step.why] : [])),
];

describe('models of operators', () => {
  it('are as many as there are built-in profiles, and in their order', () => {
    assert.deepEqual(
      MODELS.map(({ profile }) => profile),
      BUILT_IN.map(({ name }) => name),
    );
  });

  it('are described in docs/operators.md, each behaviour with its source', () => {
    const page = readFileSync(new URL('../../../docs/operators.md', import.meta.url), 'utf-8');
    for (const { profile, behaviours, unverified } of MODELS) {
      const [, section = ''] = page.split(`\n#### ${profile}\n`);
      const rows = behaviours.map(({ what, source }) => `| ${what} | ${source} |`);
      const told = unverified.length === 0 ? [] : [`Not verified: ${unverified.join('; ')}.`];
      const own = (section.split(/\n##/)[0] ?? '').split('\n').filter((line) => line !== '');
      assert.deepEqual(own, ['| the operator | read in |', '| --- | --- |', ...rows, ...told], profile);
    }
  });

  it('and the built-in profiles are the only code that names a profile: nothing else is touched for another one', () => {
    const ownFiles = ['src/config/profiles/built-in.ts', 'rehearsal/operator/models/'];
    const others = globSync('{src,rehearsal,testkit,scripts}/**/*.ts', { cwd: ROOT }).filter(
      (file) => !ownFiles.some((own) => file.startsWith(own)),
    );
    assert.ok(others.length > 100);
    // Couchbase's is what the settings of one operator mean.
    const names = BUILT_IN.map(({ name }) => name).filter((name) => name !== 'couchbase');
    const named = others.filter((file) => {
      const code = readFileSync(join(ROOT, file), 'utf-8').replaceAll(/^\s*(\/\/|\/?\*).*$/gm, '');
      return names.some((name) => code.includes(`'${name}'`));
    });
    assert.deepEqual(named, []);
  });

  for (const model of MODELS) {
    describe(model.profile, () => {
      it('says where each of its behaviours was read, and claims nothing that nobody verified', () => {
        assert.ok(model.behaviours.length >= 4);
        for (const { what, source } of model.behaviours) {
          assert.ok(source.length > 10, what);
          assert.doesNotMatch(`${what} ${source}`, /\?/);
        }
      });

      it('reads the number that it gave in a name, and knows no other pod', () => {
        for (const index of [0, 7, 12]) assert.equal(model.indexOf('cb', model.nameOf(cluster(model), index)), index);
        for (const other of ['cb', 'cb-x', 'web-0', 'cb-backup-0001'])
          assert.equal(model.indexOf('cb', other), undefined);
      });

      it('gives labels that tell its members from other pods', () => {
        const shared = Object.entries(sharedLabels(model, 'cb'));
        assert.ok(shared.length > 0);
        for (const index of [0, 1, 2]) {
          const labels = model.labels('cb', model.nameOf(cluster(model), index));
          for (const [key, value] of shared) assert.equal(labels[key], value);
        }
      });

      it('does nothing without its mark', () => assert.deepEqual(steps(plan(model)), []));

      const { mark } = model;
      if (mark !== undefined) {
        it('takes another value for a mark only where presence decides', () => {
          const other = { annotations: { ...model.annotations, [mark.key]: 'of somebody else' } };
          const isMoved = moving(plan(model, { members: three(model, {}, other) })).length > 0;
          assert.equal(isMoved, mark.isAny === true);
        });
      }

      it('moves no more than it may at a time', () => {
        assert.equal(
          new Set(moving(plan(model, asking(model, three(model), [0, 1, 2])))).size,
          Math.min(3, model.atOnce),
        );
      });

      it('moves none while its data is out of order', () => {
        const given = asking(model, three(model), [1]);
        const result = plan(model, { ...given, spec: { ...given.spec, dataInSync: false } });
        assert.deepEqual([steps(result), result.waitingFor], [[], 'sync']);
      });

      it('moves none while another member has no node', () => {
        const stuck = { phase: 'Pending', ready: false };
        const result = plan(model, asking(model, three(model, {}, {}, stuck), [0]));
        assert.deepEqual([steps(result), result.waitingFor], [[], 'pending']);
      });

      it('waits for others to be Ready only if its source says so', () => {
        const given = asking(model, three(model, {}, {}, { ready: false }), [1]);
        assert.equal(plan(model, given).waitingFor === 'others', model.needsOthersReady);
      });

      const { pausedBy } = model;
      if (pausedBy !== undefined) {
        it('does nothing while it is paused', () => {
          const { spec = {}, metadata = {} } = pausedBy.paused as { spec?: JsonObject; metadata?: JsonObject };
          const { annotations = {} } = metadata as { annotations?: Record<string, string> };
          const given = asking(model, three(model), [1]);
          const result = plan(model, { ...given, spec: { ...given.spec, ...spec }, annotations });
          assert.deepEqual([steps(result), result.waitingFor], [[], 'paused']);
        });
      }
    });
  }
});

describe("Couchbase's operator", () => {
  it('moves the orchestrator last', () => {
    const all = marked(COUCHBASE);
    assert.deepEqual(steps(plan(COUCHBASE, { members: three(COUCHBASE, all, all, all) })), [
      'delete cb-0001 (in place)',
    ]);
  });
});

describe("Strimzi's operator", () => {
  for (const model of [STRIMZI_KAFKA, STRIMZI_CONNECT]) {
    it(`reads a mark of ${model.profile} only when a period is over, and then rolls without waiting for the next`, () => {
      const members = three(model, {}, marked(model), marked(model));
      const none = new Set<string>();
      const between = plan(model, { members, isDue: false, memory: { chosen: none } });
      assert.deepEqual(steps(between), []);
      const due = plan(model, { members, isDue: true, memory: { chosen: none } });
      assert.equal(steps(due).length, 1);
      const left = members.filter(({ uid }) => uid !== 'u1');
      const back = aMember(model, 1, { uid: 'new' });
      const next = plan(model, {
        members: [...left, back],
        isDue: false,
        memory: { ...due.memory, balanced: new Set(['u0', 'u2', 'new']) },
      });
      assert.deepEqual(steps(next), [`delete ${model.nameOf(cluster(model), 2)} (in place)`]);
    });
  }

  it('rolls pods that are not Ready first, and the active controller last', () => {
    const all = marked(STRIMZI_KAFKA);
    const rolled = (...over: Partial<Member>[]) =>
      steps(plan(STRIMZI_KAFKA, { members: three(STRIMZI_KAFKA, ...over) }));
    assert.deepEqual(rolled(all, all, { ...all, ready: false }), ['delete cb-pool-2 (in place)']);
    assert.deepEqual(rolled(all, all, all), ['delete cb-pool-1 (in place)']);
    assert.deepEqual(rolled(all), ['delete cb-pool-0 (in place)']);
  });

  it('tells in the status that it is paused', () => {
    assert.deepEqual(STRIMZI_KAFKA.statusOf?.({ isPaused: true, isMoving: false }), {
      conditions: [{ type: 'ReconciliationPaused', status: 'True' }],
    });
  });
});

describe("Aerospike's operator", () => {
  it('deletes the pod when migrations are over, and not before', () => {
    const members = three(AEROSPIKE, {}, marked(AEROSPIKE));
    const first = plan(AEROSPIKE, { members });
    assert.deepEqual([steps(first), first.waitingFor, first.lookAgainInMs], [[], 'preparation', PREPARE_MS]);
    const later = plan(AEROSPIKE, { members, memory: first.memory, now: NOW + PREPARE_MS });
    assert.deepEqual(steps(later), ['delete cb-0-1 (in place)']);
  });
});

describe("ArangoDB's operator", () => {
  it('empties a dbserver on a cordoned node before it lets the pod go, unless its volumes are of the network', () => {
    const ending = { terminating: true, finalizers: [...(ARANGODB_ROTATE.finalizers ?? [])] };
    const given = { members: three(ARANGODB_ROTATE, {}, ending), cordoned: new Set(['node-2']) };
    const first = plan(ARANGODB_ROTATE, given);
    assert.deepEqual([steps(first), first.waitingFor, first.lookAgainInMs], [[], 'pending', EMPTY_MS]);
    const letGo = ['let go cb-dbserver-1-e3b0c4'];
    assert.deepEqual(steps(plan(ARANGODB_ROTATE, { ...given, memory: first.memory, now: NOW + EMPTY_MS })), letGo);
    assert.deepEqual(steps(plan(ARANGODB_ROTATE, { ...given, cordoned: new Set() })), letGo);
    assert.deepEqual(steps(plan(ARANGODB_ROTATE, { ...given, spec: { networkAttachedVolumes: true } })), letGo);
  });

  it('makes a member again under its name, or under another one if the specification has changed', () => {
    const members = three(ARANGODB_ROTATE).filter(({ index }) => index !== 1);
    const known = three(ARANGODB_ROTATE).map(({ name }) => name);
    assert.deepEqual(steps(plan(ARANGODB_ROTATE, { members, known })), ['create cb-dbserver-1-e3b0c4 (recreate)']);
    const [changed = ''] = steps(plan(ARANGODB_ROTATE, { members, known, spec: { image: 'new' } }));
    assert.match(changed, /^create cb-dbserver-1-[0-9a-f]{6} \(recreate\)$/);
    assert.doesNotMatch(changed, /e3b0c4/);
  });

  it('replaces: a new member comes first, then the marked one goes, and its number is not used again', () => {
    const members = three(ARANGODB_REPLACE, {}, marked(ARANGODB_REPLACE));
    assert.deepEqual(steps(plan(ARANGODB_REPLACE, { members })), ['create cb-dbserver-3-e3b0c4 (swap in)']);
    const four = [...members, aMember(ARANGODB_REPLACE, 3)];
    assert.deepEqual(steps(plan(ARANGODB_REPLACE, { members: four })), ['delete cb-dbserver-1-e3b0c4 (swapped out)']);
  });
});

describe('es-operator', () => {
  const four = (...over: Partial<Member>[]) => [...three(ES_OPERATOR, ...over), aMember(ES_OPERATOR, 3)];

  it('adds a pod, drains the shards, and deletes the marked pod', () => {
    const moved = marked(ES_OPERATOR);
    assert.deepEqual(steps(plan(ES_OPERATOR, { members: three(ES_OPERATOR, {}, moved) })), ['create cb-3 (surge)']);
    const first = plan(ES_OPERATOR, { members: four({}, moved) });
    assert.deepEqual([steps(first), first.waitingFor], [[], 'preparation']);
    const later = plan(ES_OPERATOR, { members: four({}, moved), memory: first.memory, now: NOW + PREPARE_MS });
    assert.deepEqual(steps(later), ['delete cb-1 (in place)']);
  });

  it('keeps the additional pod while there is more to move, and then removes it', () => {
    const waiting = plan(ES_OPERATOR, { members: four(marked(ES_OPERATOR)) });
    assert.deepEqual(steps(waiting), []);
    const known = four().map(({ name }) => name);
    const three = four().filter(({ index }) => index !== 1);
    assert.deepEqual(steps(plan(ES_OPERATOR, { members: three, known })), ['create cb-1 (recreate)']);
    assert.deepEqual(steps(plan(ES_OPERATOR, { members: four() })), ['delete cb-3 (scale down)']);
  });

  it('takes marked pods first, then those on a cordoned node, which it marks itself', () => {
    const cordoned = new Set(['node-1']);
    assert.deepEqual(
      [...(plan(ES_OPERATOR, { members: four({}, {}, marked(ES_OPERATOR)), cordoned }).memory.busyUntil?.keys() ?? [])],
      ['u2'],
    );
    assert.deepEqual(steps(plan(ES_OPERATOR, { members: four(), cordoned })), ['mark cb-0']);
    assert.deepEqual(steps(plan(COUCHBASE, { cordoned })), []);
  });
});

describe("Vitess's operator", () => {
  const started = marked(VITESS_TABLET);
  const finished = { annotations: { ...started.annotations, 'drain.planetscale.com/finished': 'true' } };

  it('acknowledges, and reports that a tablet may go when it is prepared; it deletes none', () => {
    const members = three(VITESS_TABLET, {}, started);
    const first = plan(VITESS_TABLET, { members });
    assert.deepEqual([steps(first), first.waitingFor], [['report cb-vttablet-zone1-1 begun'], 'preparation']);
    const later = plan(VITESS_TABLET, { members, memory: first.memory, now: NOW + PREPARE_MS });
    assert.deepEqual(steps(later), ['report cb-vttablet-zone1-1 done']);
  });

  it('has one of them finished at a time', () => {
    const memory = { busyUntil: new Map([['u1', NOW]]) };
    assert.deepEqual(steps(plan(VITESS_TABLET, { members: three(VITESS_TABLET, started, finished), memory })), []);
  });

  it('takes no tablet that supports none', () => {
    const annotations = { 'drain.planetscale.com/started': 'x' };
    assert.deepEqual(steps(plan(VITESS_TABLET, { members: three(VITESS_TABLET, {}, { annotations }) })), []);
  });

  it('takes its report back when nobody asks any more', () => {
    const annotations = { ...VITESS_TABLET.annotations, 'drain.planetscale.com/finished': 'true' };
    const members = three(VITESS_TABLET, {}, { annotations });
    assert.deepEqual(steps(plan(VITESS_TABLET, { members })), ['report cb-vttablet-zone1-1 none']);
  });

  it('makes an evicted tablet again, under its name and without a report', () => {
    const left = three(VITESS_TABLET).filter(({ index }) => index !== 1);
    const known = three(VITESS_TABLET).map(({ name }) => name);
    const made = plan(VITESS_TABLET, { members: left, known });
    assert.deepEqual(steps(made), ['create cb-vttablet-zone1-1 (recreate)']);
    assert.deepEqual(VITESS_TABLET.annotations, { 'drain.planetscale.com/supported': 'true' });
  });
});

describe("Slurm's operator", () => {
  it('reports by conditions, of all that it is asked to drain', () => {
    const all = marked(SLURM_NODESET);
    const members = three(SLURM_NODESET, all, all, { ...all, conditions: ['Ready', 'SlurmNodeStateDrain'] });
    const memory = { busyUntil: new Map(['u0', 'u2'].map((uid) => [uid, NOW])) };
    assert.deepEqual(steps(plan(SLURM_NODESET, { members, memory })), [
      'report cb-slurmd-0 done',
      'report cb-slurmd-1 begun',
    ]);
    assert.deepEqual(SLURM_NODESET.reports?.write('begun'), {
      conditions: { SlurmNodeStateDrain: 'True', SlurmNodeStateCompleting: 'True' },
    });
  });

  it('marks what stands on a cordoned node itself', () => {
    const given = { members: three(SLURM_NODESET), cordoned: new Set(['node-2']) };
    assert.deepEqual(steps(plan(SLURM_NODESET, given)), ['mark cb-slurmd-1', 'report cb-slurmd-1 begun']);
  });
});

describe('PGO', () => {
  const asked = asking(PGO_PRIMARY, three(PGO_PRIMARY), [1]);
  const prepared = { busyUntil: new Map([['u1', NOW]]) };

  it('hands the role over to another instance that is Ready, says so, and deletes none', () => {
    const first = plan(PGO_PRIMARY, asked);
    assert.deepEqual([steps(first), first.waitingFor], [[], 'preparation']);
    const later = plan(PGO_PRIMARY, { ...asked, memory: prepared });
    assert.deepEqual(steps(later), ['hand over cb-instance1-0 to cb-instance0-0']);
    const [step] = later.steps;
    assert.deepEqual(step && 'status' in step && step.status, { patroni: { switchover: 'u1.now' } });
  });

  it('does nothing once its status has the value, or while switchovers are off', () => {
    const done = { ...asked, memory: prepared, state: { patroni: { switchover: 'u1.now' } } };
    assert.deepEqual(steps(plan(PGO_PRIMARY, done)), []);
    const off = { ...asked, memory: prepared, spec: { patroni: { switchover: { enabled: false } } } };
    assert.deepEqual(steps(plan(PGO_PRIMARY, off)), []);
  });

  it('does not switch over while no other instance is Ready', () => {
    const members = three(PGO_PRIMARY, { ready: false }, {}, { ready: false });
    const result = plan(PGO_PRIMARY, { ...asking(PGO_PRIMARY, members, [1]), memory: prepared });
    assert.deepEqual([steps(result), result.waitingFor], [[], 'others']);
  });

  it('gives roles to new instances: there is one primary', () => {
    const [primary, ...others] = three(PGO_PRIMARY).map((one) => ({
      ...one,
      labels: PGO_PRIMARY.labels('cb', one.name),
    }));
    assert.ok(primary);
    assert.deepEqual(steps(plan(PGO_PRIMARY, { members: [primary, ...others] })), [
      'name role cb-instance0-0 master',
      'name role cb-instance1-0 replica',
      'name role cb-instance2-0 replica',
    ]);
    const members = [...three(PGO_PRIMARY).slice(0, 2), ...others.slice(1)];
    assert.deepEqual(steps(plan(PGO_PRIMARY, { members })), ['name role cb-instance2-0 replica']);
  });
});

describe("FoundationDB's operator", () => {
  it('makes the replacement of a listed process group first, then removes the pod; the list stays', () => {
    const given = asking(FOUNDATIONDB, three(FOUNDATIONDB), [1]);
    assert.deepEqual(given.spec, { processGroupsToRemove: ['storage-1'] });
    assert.deepEqual(steps(plan(FOUNDATIONDB, given)), ['create cb-storage-3 (swap in)']);
    const four = [...three(FOUNDATIONDB), aMember(FOUNDATIONDB, 3)];
    assert.deepEqual(steps(plan(FOUNDATIONDB, { ...given, members: four })), ['delete cb-storage-1 (swapped out)']);
    const moved = four.filter(({ index }) => index !== 1);
    assert.deepEqual(steps(plan(FOUNDATIONDB, { ...given, members: moved })), []);
  });

  it('replaces what has stood on a tainted node for a while, if it may', () => {
    const members = three(FOUNDATIONDB_TAINTS);
    const [, second] = members;
    assert.ok(second);
    const given = { members, taints: tainted(second) };
    const first = plan(FOUNDATIONDB_TAINTS, given);
    assert.deepEqual(steps(first), []);
    const later = { memory: first.memory, now: NOW + NOTICE_MS };
    assert.deepEqual(steps(plan(FOUNDATIONDB_TAINTS, { ...given, ...later })), ['create cb-storage-3 (swap in)']);
    assert.deepEqual(steps(plan(FOUNDATIONDB_TAINTS, { ...given, ...later, taints: new Map() })), []);
    const spec = { automationOptions: { replacements: { enabled: false } } };
    assert.deepEqual(steps(plan(FOUNDATIONDB_TAINTS, { ...given, ...later, spec })), []);
    const others = new Map([[second.node ?? '', ['somebody/else']]]);
    assert.deepEqual(steps(plan(FOUNDATIONDB_TAINTS, { ...given, ...later, taints: others })), []);
  });
});
