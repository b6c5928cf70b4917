import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { projectPod } from '../../src/cache/projections.ts';
import { next } from '../../src/policy/next.ts';
import type { Profile } from '../../src/policy/profiles/profile.ts';
import { targetOf } from '../../src/policy/requests/index.ts';
import { anObservation, aPod, NOW, PROFILE, SETTINGS } from '../support/builders.ts';

const KEY = 'example.com/move';
const LABELLED: Profile = { ...PROFILE, mark: { key: KEY, value: 'true', match: 'exact', isLabel: true } };

describe('a mark that is a label', () => {
  test('is decided on as one', () => {
    const step = next(anObservation({ profile: LABELLED }), { ...SETTINGS, profiles: [LABELLED] });
    assert.ok(step.kind === 'mark');
    assert.deepEqual(step.annotation, { key: KEY, value: 'true', isLabel: true });
  });

  test('is read with who made it and when; an annotation of that name is none', () => {
    const fields = { profiles: [LABELLED], labelKeys: ['app'], annotationKeys: [] };
    const time = new Date(NOW).toISOString();
    const fieldsV1 = { 'f:metadata': { 'f:labels': { [`f:${KEY}`]: {} } } };
    const managedFields = [{ manager: 'reschedule-hook', time, fieldsV1 }];
    const markOf = (labels: object, annotations: object) =>
      projectPod(
        { metadata: { name: 'p', labels: { app: 'couchbase', ...labels }, annotations, managedFields } },
        fields,
      ).mark;
    assert.deepEqual(markOf({ [KEY]: 'true' }, {}), { matches: true, at: NOW, by: 'reschedule-hook' });
    assert.deepEqual(markOf({ [KEY]: 'no' }, {})?.matches, false);
    assert.equal(markOf({}, { [KEY]: 'true' }), undefined);
  });

  test('may be on another object', () => {
    const request = {
      kind: 'Db',
      group: 'g',
      plural: 'dbs',
      label: 'db',
      onlyIf: [],
      form: { key: KEY, value: '{uid}', isLabel: true },
    } as const;
    const asked = (labels: object) =>
      targetOf({ object: { metadata: { name: 'a', resourceVersion: '1', labels } }, path: '/p' }, aPod(), request, NOW);
    assert.deepEqual(asked({}).changes, [{ op: 'add', path: '/metadata/labels/example.com~1move', value: 'uid-a' }]);
    assert.equal(asked({ [KEY]: 'uid-a' }).asked.kind, 'yes');
    assert.equal(asked({ [KEY]: 'uid-b' }).asked.kind, 'not now');
  });
});
