import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { next } from '../../src/policy/next.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { SHOWS_WITHIN_MS } from '../../src/policy/requests/annotation.ts';
import { targetOf } from '../../src/policy/requests/index.ts';
import type { RequestObject } from '../../src/policy/requests/request.ts';
import {
  anObservation,
  aPod,
  MINUTE,
  NOW,
  PROFILE,
  SETTINGS,
  type SeenInShort,
  sightingOf,
  without,
} from '../support/builders.ts';

const SWITCH = 'example.com/switchover';
const POSTGRES: RequestObject = {
  kind: 'PostgresCluster',
  group: 'example.com',
  plural: 'postgresclusters',
  label: 'couchbase_cluster',
  onlyIf: [
    { path: ['spec', 'enabled'], is: 'true', word: 'SwitchoverDisabled' },
    { path: ['spec', 'type'], isNot: 'Failover', word: 'FailoverSet' },
    { path: ['spec', 'target'], is: null, word: 'TargetSet' },
  ],
  form: { key: SWITCH, value: '{uid}.{now}', doneAt: ['status', 'switchover'] },
};
const FDB: RequestObject = {
  ...POSTGRES,
  kind: 'FoundationDBCluster',
  onlyIf: [],
  form: { name: 'fdb-process-groups' },
};
const POD = aPod({
  labels: { app: 'couchbase', couchbase_cluster: 'cb', 'foundationdb.org/fdb-process-group-id': 'log-1' },
});
const profileWith = (request: RequestObject): Profile => ({ ...without(PROFILE, 'mark'), names: 'new', request });
const OURS = 'uid-a.2026-01-01T11:59:00Z';

interface Raw {
  readonly annotations?: Record<string, string> | null;
  readonly spec?: object;
  readonly status?: object;
  /** How long ago the annotation, or the list, was written. */
  readonly writtenMs?: number;
}

function raw({ annotations, spec = { enabled: true }, status = {}, writtenMs }: Raw) {
  const time = new Date(NOW - (writtenMs ?? 0)).toISOString();
  const fieldsV1 = {
    'f:metadata': { 'f:annotations': { [`f:${SWITCH}`]: {} } },
    'f:spec': { 'f:processGroupsToRemove': {} },
  };
  const managedFields = writtenMs === undefined ? [] : [{ manager: 'x', time, fieldsV1 }];
  const metadata = {
    name: 'cb',
    resourceVersion: '7',
    managedFields,
    ...(annotations === undefined ? {} : { annotations }),
  };
  return { object: { metadata, spec, status }, path: '/the/path' };
}

function decide(request: RequestObject, object: Raw | 'absent', seen: SeenInShort = {}) {
  const found = object === 'absent' ? object : targetOf(raw(object), POD, request, NOW);
  const profile = profileWith(request);
  const target = sightingOf(found, 'live');
  return next(anObservation({ profile, pod: POD, target, ...seen }), { ...SETTINGS, profiles: [profile] });
}

function answer(...args: Parameters<typeof decide>): string {
  const step = decide(...args);
  if (step.kind === 'look') return `look at ${step.at}${step.live ? ' live' : ''}`;
  if (step.kind === 'mark') return JSON.stringify(step.request?.changes);
  return step.kind === 'deny' ? `${step.code} ${step.reason} ${step.message}` : step.kind;
}

const waits = (why: string, reason = 'Waiting') => `429 ${reason} Pod waiting to be rescheduled (${why})`;
const asksIn = (path: string, value: unknown) => JSON.stringify([{ op: 'add', path, value }]);
const NOW_VALUE = 'uid-a.2026-01-01T12:00:00Z';
const WANTED = asksIn('/metadata/annotations/example.com~1switchover', NOW_VALUE);

describe('a move that is asked for by an annotation of another object', () => {
  const other = { annotations: { [SWITCH]: 'uid-b.2026-01-01T11:00:00Z' } };
  for (const [what, given, expected] of [
    ['the first annotation of all', {}, asksIn('/metadata/annotations', { [SWITCH]: NOW_VALUE })],
    ['null stands for none', { annotations: null }, asksIn('/metadata/annotations', { [SWITCH]: NOW_VALUE })],
    ['beside others', { annotations: { a: 'b' } }, WANTED],
    [
      'asked for already',
      { annotations: { [SWITCH]: OURS }, writtenMs: MINUTE },
      waits('its move was asked for 1m ago on PostgresCluster cb'),
    ],
    [
      'asked for already, nobody knows when',
      { annotations: { [SWITCH]: OURS } },
      waits('its move was asked for on PostgresCluster cb'),
    ],
    [
      'for long',
      { annotations: { [SWITCH]: OURS }, writtenMs: 20 * MINUTE },
      waits('its move was asked for 20m ago on PostgresCluster cb; stalled: its operator has not acted', 'Stalled'),
    ],
    [
      'done, and soon the pod will show it',
      { annotations: { [SWITCH]: OURS }, status: { switchover: OURS }, writtenMs: MINUTE },
      waits('its move was asked for 1m ago on PostgresCluster cb; that says that it is done'),
    ],
    [
      'done, and the pod has got the same role again',
      { annotations: { [SWITCH]: OURS }, status: { switchover: OURS }, writtenMs: SHOWS_WITHIN_MS + 1 },
      WANTED,
    ],
    [
      'a request of somebody else comes first',
      other,
      waits(`PostgresCluster cb has a request of somebody else in ${SWITCH}`, 'NotAsked'),
    ],
    ['and is overwritten once it is done', { ...other, status: { switchover: other.annotations[SWITCH] } }, WANTED],
    ['not enabled', { spec: {} }, waits('PostgresCluster cb is not asked: SwitchoverDisabled', 'NotAsked')],
    [
      'the wrong type',
      { spec: { enabled: true, type: 'Failover' } },
      waits('PostgresCluster cb is not asked: FailoverSet', 'NotAsked'),
    ],
    [
      'a target',
      { spec: { enabled: true, target: 'x' } },
      waits('PostgresCluster cb is not asked: TargetSet', 'NotAsked'),
    ],
    ['no object', 'absent', waits('nobody can be asked to move it: there is no PostgresCluster cb', 'NotAsked')],
  ] as const satisfies readonly (readonly [string, Raw | 'absent', string])[]) {
    test(what, () => assert.equal(answer(POSTGRES, given), expected));
  }

  test('rests on live reads of the pod and of the object', () => {
    assert.equal(answer(POSTGRES, {}, { from: 'cache' }), 'look at pod live');
    assert.equal(answer(POSTGRES, {}, { target: { kind: 'unread' } }), 'look at target live');
  });

  test('names the version of the object, writes no entry, and a dry run only says so', () => {
    const step = decide(POSTGRES, {});
    assert.ok(step.kind === 'mark');
    assert.deepEqual([step.request?.path, step.request?.resourceVersion], ['/the/path', '7']);
    assert.deepEqual([step.annotation, step.entryOn, step.trackerMissing], [undefined, undefined, undefined]);
    assert.equal(step.message, 'Pod waiting to be rescheduled (its move is asked for on PostgresCluster cb)');
    const dry = decide(POSTGRES, {}, { request: { ...anObservation().request, dryRun: true } });
    assert.equal(dry.kind, 'allow');
  });
});

describe('a move that is asked for in the list of process groups', () => {
  const list = (...ids: string[]) => ({ spec: { processGroupsToRemove: ids } });
  for (const [what, given, expected] of [
    ['the first of all', {}, asksIn('/spec/processGroupsToRemove', ['log-1'])],
    ['after others', list('log-2'), asksIn('/spec/processGroupsToRemove/-', 'log-1')],
    [
      'asked for already',
      { ...list('log-2', 'log-1'), writtenMs: 2 * MINUTE },
      waits('its move was asked for 2m ago on FoundationDBCluster cb'),
    ],
    [
      'a full list',
      list(...Array.from({ length: 500 }, (_, i) => `storage-${i}`)),
      waits('FoundationDBCluster cb has 500 entries in spec.processGroupsToRemove, which is the most', 'NotAsked'),
    ],
  ] as const satisfies readonly (readonly [string, Raw, string])[]) {
    test(what, () => assert.equal(answer(FDB, given), expected));
  }

  test('a pod without an identifier', () => {
    const labels = { couchbase_cluster: 'cb', app: 'couchbase' };
    const target = sightingOf(targetOf(raw({}), { ...POD, labels }, FDB, NOW), 'live');
    assert.match(answer(FDB, {}, { target }), /NotAsked .*is not asked: the pod has no label/);
  });
});
