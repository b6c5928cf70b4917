import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { type OperatorModel, sharedLabels } from '../../../rehearsal/operator/model.ts';
import { AEROSPIKE } from '../../../rehearsal/operator/models/aerospike.ts';
import { ARANGODB_REPLACE, ARANGODB_ROTATE } from '../../../rehearsal/operator/models/arangodb.ts';
import { COUCHBASE } from '../../../rehearsal/operator/models/couchbase.ts';
import { ES_OPERATOR } from '../../../rehearsal/operator/models/es-operator.ts';
import { MODELS } from '../../../rehearsal/operator/models/index.ts';
import { STRIMZI_CONNECT, STRIMZI_KAFKA } from '../../../rehearsal/operator/models/strimzi.ts';
import { type Memory, type OperatorPlan, planCluster, type Sight } from '../../../rehearsal/operator/operator-plan.ts';
import { BUILT_IN } from '../../../src/config/profiles/built-in.ts';
import type { JsonObject } from '../../../src/kube/client.ts';
import { type Member, viewMember } from '../../../testkit/couchbase/member.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NOW = 100_000;
const PREPARE_MS = 300;
const EMPTY_MS = 400;
const IN_PLACE = { upgradeProcess: 'InPlaceUpgrade' };

interface Given extends Partial<Omit<Sight, 'cluster' | 'members'>> {
  readonly spec?: JsonObject;
  readonly annotations?: Record<string, string>;
  readonly known?: readonly string[];
  readonly members?: readonly Member[];
  readonly memory?: Partial<Memory>;
  readonly now?: number;
}

/** All members are rebalanced unless the memory says otherwise. */
function plan(model: OperatorModel, given: Given = {}): OperatorPlan {
  const { spec = {}, annotations = {}, known = [], memory, now = NOW, ...sight } = given;
  const metadata = { namespace: 'db', name: 'cb', uid: 'c', annotations };
  const status = { members: { ready: known } };
  const cluster = model.view({ metadata, spec: { size: 3, ...IN_PLACE, ...spec }, status });
  const members = given.members ?? three(model);
  const balanced = new Set(members.map(({ uid }) => uid));
  const settings = {
    model,
    annotation: model.mark,
    maxUpgradable: model.atOnce,
    rebalanceMs: 100,
    prepareMs: model.pace.prepare ? PREPARE_MS : 0,
    emptyMs: EMPTY_MS,
    recreateDelayMs: 0,
  };
  return planCluster({ ...sight, cluster, members }, { balanced, deletedAt: new Map(), ...memory }, settings, now);
}

const cluster = (model: OperatorModel, spec: JsonObject = {}) =>
  model.view({ metadata: { namespace: 'db', name: 'cb' }, spec });

/** A member that is Running and Ready on the node with the next number. */
function aMember(model: OperatorModel, index: number, over: Partial<Member> = {}): Member {
  const metadata = { namespace: 'db', name: model.nameOf(cluster(model), index), uid: `u${index}` };
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const member = viewMember('cb', { metadata, spec: { nodeName: `node-${index + 1}` }, status }, model.indexOf);
  assert.ok(member, metadata.name);
  return { ...member, ...over };
}

const three = (model: OperatorModel, ...over: Partial<Member>[]) =>
  [0, 1, 2].map((index) => aMember(model, index, over[index]));

const marked = ({ mark }: OperatorModel) => ({ annotations: { [mark.key]: mark.isAny ? 'anything' : mark.value } });

/** Steps in short: `delete cb-0001 (in place)`. */
function steps({ steps }: OperatorPlan): string[] {
  return steps.map((step) => {
    if (step.kind === 'create') return `create ${step.pod} (${step.why})`;
    return step.kind === 'delete' ? `delete ${step.member.name} (${step.why})` : `${step.kind} ${step.member.name}`;
  });
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

      it('takes another value for a mark only where presence decides', () => {
        const other = { annotations: { [model.mark.key]: 'of somebody else' } };
        const isMoved = moving(plan(model, { members: three(model, {}, other) })).length > 0;
        assert.equal(isMoved, model.mark.isAny === true);
      });

      it('moves no more than it may at a time', () => {
        const all = marked(model);
        assert.equal(
          new Set(moving(plan(model, { members: three(model, all, all, all) }))).size,
          Math.min(3, model.atOnce),
        );
      });

      it('moves none while its data is out of order', () => {
        const given = { spec: { dataInSync: false }, members: three(model, {}, marked(model)) };
        const result = plan(model, given);
        assert.deepEqual([steps(result), result.waitingFor], [[], 'sync']);
      });

      it('moves none while another member has no node', () => {
        const stuck = { phase: 'Pending', ready: false };
        const result = plan(model, { members: three(model, marked(model), {}, stuck) });
        assert.deepEqual([steps(result), result.waitingFor], [[], 'pending']);
      });

      it('waits for others to be Ready only if its source says so', () => {
        const members = three(model, {}, marked(model), { ready: false });
        assert.equal(plan(model, { members }).waitingFor === 'others', model.needsOthersReady);
      });

      const { pausedBy } = model;
      if (pausedBy !== undefined) {
        it('does nothing while it is paused', () => {
          const { spec = {}, metadata = {} } = pausedBy.paused as { spec?: JsonObject; metadata?: JsonObject };
          const { annotations = {} } = metadata as { annotations?: Record<string, string> };
          const result = plan(model, { spec, annotations, members: three(model, {}, marked(model)) });
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
