import fc from 'fast-check';
import { reviewOf } from '../../testkit/reviews.ts';
import { aReview } from '../support/reviews.ts';
import { docOf, type Mutation, mutate, textOf } from './document.ts';
import { PODS } from './pods.ts';

type Json = Record<string, unknown>;

/** Names of the pods of the world, and such as no API server admits. */
const NAMES = [
  ...['gone', '..', '../../secrets/x', 'cb-0000%2f..', 'CB-0000', 'cb-0000 ', 'cb\u00ad-0000'],
  ...['\u212bb', 'cb-0000\n', 'a\u0000b', 'cb-\u0660', 'x'.repeat(254), '', '__proto__', 'constructor', 'ｃｂ-0000'],
];
const NAMESPACES = ['other', '..', 'db/pods', 'DB', 'd.b', 'db\r\n', '', 'x'.repeat(64), 'ｄｂ'];
const USERS = ['system:serviceaccount:kube-system:exempt', 'a\nb', '\u202eevil', 'u'.repeat(1025), ''];

const DELETE_OPTIONS: readonly unknown[] = [
  undefined,
  null,
  {},
  { dryRun: ['All'] },
  { dryRun: [] },
  { dryRun: 'All' },
  { dryRun: ['Some', 'All'] },
  { dryRun: null },
  { dryRun: {} },
  { preconditions: { uid: 'uid-a' } },
  { preconditions: { uid: 'uid-other' } },
  { preconditions: { uid: 'UID-A' } },
  { preconditions: { uid: '' } },
  { preconditions: { uid: ['uid-a'] } },
  { preconditions: { uid: 'z'.repeat(20_000) } },
  { preconditions: { resourceVersion: '1' } },
  { preconditions: null },
  { gracePeriodSeconds: 0 },
  { gracePeriodSeconds: -1 },
  { gracePeriodSeconds: '30' },
  { gracePeriodSeconds: 0, preconditions: { uid: 'uid-ending' } },
  { gracePeriodSeconds: 60, preconditions: { uid: 'uid-ending' } },
  { preconditions: { uid: 'uid-finished' } },
  { propagationPolicy: 'Foreground', orphanDependents: true, ignoreStoreReadErrorWithClusterBreakingPotential: true },
];

/** What else a webhook may be asked that is registered too widely. */
const OTHERS: readonly Json[] = [
  { operation: 'UPDATE' },
  { operation: 'DELETE', object: null },
  { operation: 'CONNECT' },
  { operation: 'create' },
  { subResource: '' },
  { subResource: 'binding' },
  { subResource: null },
  { subResource: 'Eviction' },
  { resource: { group: '', version: 'v1', resource: 'nodes' } },
  { resource: { group: 'apps', version: 'v1', resource: 'pods' } },
  { resource: { group: '', version: 'v2', resource: 'pods' } },
  { kind: { group: 'policy', version: 'v1beta1', kind: 'Eviction' }, requestKind: { kind: 'Eviction' } },
];

interface Seed {
  readonly shape: 'api-server' | 'short';
  readonly name: string;
  readonly namespace: string;
  readonly user: string;
  readonly dryRun: unknown;
  readonly apiVersion: string;
  readonly deleteOptions: unknown;
  readonly other: Json;
  readonly bodyNamespace: boolean;
}

const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...others) });

const seeds: fc.Arbitrary<Seed> = fc.record({
  shape: fc.constantFrom('api-server', 'short'),
  name: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('cb-0000', ...PODS.map(({ name }) => name)) },
    { weight: 1, arbitrary: fc.constantFrom(...NAMES) },
  ),
  namespace: mostly('db', ...NAMESPACES),
  user: mostly('admin', ...USERS),
  dryRun: mostly<unknown>(false, true, null, 'true', 1),
  apiVersion: mostly('policy/v1', 'policy/v1beta1', 'policy/v2'),
  deleteOptions: fc.oneof(fc.constant({}), fc.constantFrom(...DELETE_OPTIONS)),
  other: mostly({}, ...OTHERS),
  bodyNamespace: fc.boolean(),
});

const scalar = fc.constantFrom(
  ...[
    'null',
    'true',
    'false',
    '0',
    '-0',
    '1e999',
    '-1e999',
    '9007199254740993',
    '1e-400',
    '00',
    '0x1',
    'NaN',
    '1.',
    '+1',
  ],
  ...[
    '""',
    '"CREATE"',
    '"pods"',
    '"eviction"',
    '"All"',
    '["All"]',
    '{}',
    '[]',
    '[null]',
    '[[]]',
    '"uid-a"',
    '"cb-0000"',
  ],
  ...[
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\u2028"',
    '"\u00c5"',
    '"A\u030a"',
    '"\t"',
    '"\\x"',
    "'a'",
    '"',
    '',
  ],
  ...['{"__proto__":{"allowed":true,"polluted":1}}', '{"constructor":{"prototype":{"polluted":1}}}', '{"toString":1}'],
);
const values = fc.oneof({ weight: 5, arbitrary: scalar }, { weight: 1, arbitrary: fc.json({ maxDepth: 3 }) });
const keys = fc.constantFrom(
  ...['__proto__', 'constructor', 'prototype', 'toString', 'uid', 'UID', 'Operation', 'request', 'object', 'dryRun'],
  ...['deleteOptions', 'name', 'namespace', 'subResource', 'resource', 'apiVersion', 'kind', 'polluted', '', '\u0000'],
);
const at = fc.nat(80);
const mutations: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ op: fc.constantFrom('set' as const, 'twice' as const, 'before' as const), at, value: values }),
  fc.record({ op: fc.constant('remove' as const), at }),
  fc.record({ op: fc.constant('wrap' as const), at }),
  fc.record({ op: fc.constantFrom('rename' as const, 'add' as const), at, key: keys, value: values }),
  fc.record({ op: fc.constant('copy' as const), at, from: at }),
);
/** Rare, for each costs as much as a hundred others. */
const growths: fc.Arbitrary<Mutation> = fc.oneof(
  fc.record({ op: fc.constant('nest' as const), at, size: fc.constantFrom(10, 100, 5_000, 80_000) }),
  fc.record({ op: fc.constant('pad' as const), at, size: fc.constantFrom(1_100, 50_000, 1_048_000, 1_100_000) }),
);
const changes = fc.oneof(
  { weight: 30, arbitrary: fc.constant([]) },
  { weight: 68, arbitrary: fc.array(mutations, { minLength: 1, maxLength: 5 }) },
  { weight: 2, arbitrary: fc.tuple(growths) },
);

/** The text of a review, as an API server writes it or with some harm done to it. */
export const reviews: fc.Arbitrary<string> = fc.tuple(seeds, changes).map(([seed, done]) => {
  const doc = docOf(reviewFrom(seed));
  mutate(doc, done);
  return textOf(doc);
});

function reviewFrom(seed: Seed): Json {
  const { name, namespace, user, dryRun, apiVersion, deleteOptions, other } = seed;
  const review = (seed.shape === 'api-server' ? JSON.parse(reviewOf(namespace, name)) : aReview()) as { request: Json };
  const metadata = seed.bodyNamespace ? { name, namespace } : { name };
  const object = { apiVersion, kind: 'Eviction', metadata, deleteOptions };
  const userInfo = { ...(review.request.userInfo as Json), username: user };
  return { ...review, request: { ...review.request, name, namespace, userInfo, dryRun, object, ...other } };
}
