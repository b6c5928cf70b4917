import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Decision } from '../../src/policy/decision.ts';
import type { EvictionRequest } from '../../src/policy/model.ts';
import { parseReview, reviewResponse } from '../../src/webhook/admission-review.ts';
import { aPod, aRequest } from '../support/builders.ts';
import { aReview } from '../support/reviews.ts';

const parse = (body: unknown) => parseReview(JSON.stringify(body));

function requestOf(...args: Parameters<typeof aReview>): EvictionRequest {
  const parsed = parse(aReview(...args));
  assert.ok(parsed.kind === 'review', JSON.stringify(parsed));
  return parsed.request;
}

describe('parseReview: a review', () => {
  test('of kubectl drain', () => {
    assert.deepEqual(parse(aReview()), { kind: 'review', uid: 'review-1', request: aRequest() });
  });

  test('of Karpenter, whose body has no namespace', () => {
    const deleteOptions = { preconditions: { uid: 'uid-a' } };
    const request = requestOf({}, { metadata: { name: 'cb-0000' }, deleteOptions });
    assert.deepEqual(request, aRequest({ uid: 'uid-a' }));
  });

  test('goes by the name and namespace of the request, not of the body', () => {
    const { namespace, name } = requestOf({}, { metadata: { name: 'other', namespace: 'elsewhere' } });
    assert.deepEqual([namespace, name], ['db', 'cb-0000']);
  });

  for (const object of [{ deleteOptions: undefined }, { deleteOptions: null }, { metadata: undefined }]) {
    test(`with ${JSON.stringify(object)}`, () => assert.deepEqual(requestOf({}, object), aRequest()));
  }

  for (const [what, request, object, dryRun] of [
    ['none', {}, {}, false],
    ['asked for by the request', { dryRun: true }, {}, true],
    ['asked for in the body', {}, { deleteOptions: { dryRun: ['All'] } }, true],
    ['an empty list', {}, { deleteOptions: { dryRun: [] } }, false],
    ['nulls', { dryRun: null }, { deleteOptions: { dryRun: null } }, false],
    ['of a value to come', {}, { deleteOptions: { dryRun: ['Some'] } }, true],
  ] as const) {
    test(`dry run: ${what}`, () => assert.equal(requestOf(request, object).dryRun, dryRun));
  }

  test('keeps a grace period, also one of zero, and an empty UID', () => {
    const deleteOptions = { gracePeriodSeconds: 0, preconditions: { uid: '' } };
    assert.deepEqual(requestOf({}, { deleteOptions }), aRequest({ graceSeconds: 0, uid: '' }));
    const nothing = { gracePeriodSeconds: null, preconditions: { uid: null } };
    assert.deepEqual(requestOf({}, { deleteOptions: nothing }), aRequest());
  });

  test('without a user', () => assert.equal(requestOf({ userInfo: undefined }).username, ''));

  for (const other of [
    { operation: 'UPDATE' },
    { operation: 'DELETE', subResource: undefined },
    { subResource: 'status' },
    { subResource: null },
    { resource: { group: 'apps', version: 'v1', resource: 'pods' } },
    { resource: { group: '', version: 'v1', resource: 'services' } },
  ]) {
    test(`of something else is no eviction, whatever its object is: ${JSON.stringify(other)}`, () => {
      const request = requestOf({ ...other, object: { kind: 'Whatever' }, name: undefined });
      assert.equal(request.isEviction, false);
    });
  }
});

describe('parseReview: without a UID it is malformed', () => {
  const head =
    'apiVersion: Invalid input: expected string, received undefined; kind: Invalid input: expected "AdmissionReview"';
  for (const [text, problems] of [
    ['', 'the body is not JSON'],
    ['{', 'the body is not JSON'],
    ['[]', 'Invalid input: expected object, received array'],
    ['null', 'Invalid input: expected object, received null'],
    ['"x"', 'Invalid input: expected object, received string'],
    ['{}', `${head}; request: Invalid input: expected object, received undefined`],
  ] as const) {
    test(JSON.stringify(text), () => assert.deepEqual(parseReview(text), { kind: 'malformed', problems }));
  }

  for (const [what, body] of [
    ['another group', { ...aReview(), apiVersion: 'apps/v1' }],
    ['another kind', { ...aReview(), kind: 'ConversionReview' }],
    ['no request', { ...aReview(), request: null }],
    ['no UID', aReview({ uid: undefined })],
    ['an empty UID', aReview({ uid: '' })],
    ['a UID that is a number', aReview({ uid: 7 })],
    ['a UID that is far too long', aReview({ uid: 'x'.repeat(257) })],
  ] as const) {
    test(what, () => assert.equal(parse(body).kind, 'malformed'));
  }
});

test('parseReview: a dry run of half a million numbers is a dry run, and nothing to report about each', () => {
  const dryRun = Array.from({ length: 500_000 }, (_, i) => i);
  assert.equal(requestOf({}, { deleteOptions: { dryRun } }).dryRun, true);
});

describe('parseReview: with a UID it is unreadable', () => {
  const long = 'a'.repeat(254);
  for (const [what, body, problems] of [
    [
      'another version',
      { ...aReview(), apiVersion: 'admission.k8s.io/v1beta1' },
      'apiVersion: must be admission.k8s.io/v1',
    ],
    ['no operation', aReview({ operation: undefined }), 'request.operation: '],
    ['no resource', aReview({ resource: null }), 'request.resource: '],
    ['no name', aReview({ name: undefined }), 'request.name: '],
    ['an empty name', aReview({ name: '' }), 'request.name: is not the name of a pod'],
    ['a name that leads elsewhere', aReview({ name: '../secrets' }), 'request.name: is not the name of a pod'],
    ['the name ..', aReview({ name: '..' }), 'request.name: is not the name of a pod'],
    ['a name with a slash', aReview({ name: 'a/b' }), 'request.name: is not the name of a pod'],
    ['a name with a query', aReview({ name: 'a?x' }), 'request.name: is not the name of a pod'],
    ['a name with a line break', aReview({ name: 'a\n' }), 'request.name: is not the name of a pod'],
    ['a name in capitals', aReview({ name: 'A' }), 'request.name: is not the name of a pod'],
    ['a name that is too long', aReview({ name: long }), 'request.name: is not the name of a pod'],
    ['no namespace', aReview({ namespace: undefined }), 'request.namespace: '],
    ['a namespace with a dot', aReview({ namespace: 'a.b' }), 'request.namespace: is not the name of a namespace'],
    ['the namespace ..', aReview({ namespace: '..' }), 'request.namespace: is not the name of a namespace'],
    ['a namespace that is too long', aReview({ namespace: long.slice(0, 64) }), 'request.namespace: '],
    ['no object', aReview({ object: null }), 'request.object: '],
    [
      'a UID in the precondition that would fill the log',
      aReview({}, { deleteOptions: { preconditions: { uid: 'x'.repeat(257) } } }),
      'request.object.deleteOptions.preconditions.uid: ',
    ],
    ['another object', aReview({}, { kind: 'Pod' }), 'request.object.kind: '],
    ['delete options that are text', aReview({}, { deleteOptions: 'x' }), 'request.object.deleteOptions: '],
    [
      'a dry run that is text',
      aReview({}, { deleteOptions: { dryRun: 'All' } }),
      'request.object.deleteOptions.dryRun: ',
    ],
  ] as const) {
    test(what, () => {
      const parsed = parse(body);
      assert.ok(parsed.kind === 'unreadable', JSON.stringify(parsed));
      assert.equal(parsed.uid, 'review-1');
      assert.ok(parsed.problems.startsWith(problems), parsed.problems);
    });
  }
});

describe('parseReview: hostile text', () => {
  test('keys that mean something to JavaScript set nothing', () => {
    const forged = '{"operation":"DELETE","resource":{"group":"","version":"v1","resource":"pods"},"dryRun":true}';
    for (const key of ['__proto__', 'constructor', 'prototype']) {
      const text = `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","${key}":${forged},"request":{"uid":"u","${key}":${forged}}}`;
      assert.equal(parseReview(text).kind, 'unreadable');
    }
    const plain: Record<string, unknown> = {};
    assert.equal(plain.operation, undefined);
  });

  test('half a megabyte of brackets is malformed', () => {
    const deep = '['.repeat(500_000);
    assert.equal(parseReview(deep).kind, 'malformed');
    assert.equal(parseReview(deep + ']'.repeat(500_000)).kind, 'malformed');
  });

  test('never throws, whatever the text', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseReview(text)));
    const request = fc.dictionary(fc.constantFrom('uid', 'name', 'namespace', 'object', 'resource'), fc.anything());
    fc.assert(
      fc.property(request, (parts) => {
        const text = JSON.stringify(aReview(parts), (_key, value) => (typeof value === 'bigint' ? `${value}` : value));
        parseReview(text);
      }),
    );
  });
});

describe('reviewResponse', () => {
  const response = (decision: Decision) => {
    const { auditAnnotations, ...rest } = (reviewResponse('u', decision) as { response: Record<string, unknown> })
      .response;
    const { kind, reason, rule } = decision;
    assert.deepEqual(auditAnnotations, { decision: kind, reason, rule, review: 'u' });
    return rest;
  };

  test('is an AdmissionReview that names the UID', () => {
    assert.deepEqual(reviewResponse('u', { kind: 'allow', rule: '3', reason: 'NotSelected' }), {
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: {
        uid: 'u',
        allowed: true,
        auditAnnotations: { decision: 'allow', reason: 'NotSelected', rule: '3', review: 'u' },
      },
    });
  });

  test('allows with a warning', () => {
    const decision: Decision = { kind: 'allow', rule: '5', reason: 'DryRun', warning: 'w' };
    assert.deepEqual(response(decision), { uid: 'u', allowed: true, warnings: ['w'] });
  });

  for (const [code, reason] of [
    [404, 'NotFound'],
    [409, 'Conflict'],
    [429, 'TooManyRequests'],
    [500, 'InternalError'],
  ] as const) {
    test(`denies with ${code} ${reason}, and no time to retry after`, () => {
      const status = { status: 'Failure', code, reason, message: 'm' };
      const decision: Decision = { kind: 'deny', rule: '2', reason: 'PodGone', code, message: 'm' };
      assert.deepEqual(response(decision), { uid: 'u', allowed: false, status });
    });
  }

  test('answers a mark with 429', () => {
    const annotation = { key: 'a', value: 'true' };
    const marked = { kind: 'mark', reason: 'Marked', message: 'm', pod: aPod(), annotation, note: {} } as const;
    const decision: Decision = { ...marked, rule: '9' };
    const status = { status: 'Failure', code: 429, reason: 'TooManyRequests', message: 'm' };
    assert.deepEqual(response(decision), { uid: 'u', allowed: false, status });
  });
});
