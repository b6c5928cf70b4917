import { type Answer, APPLY, type Api, type Case, JSON_PATCH, MERGE, STRATEGIC, told } from './contract.ts';

const KEY = 'reschedule.hook/ns.pod';
const POINTER = '/metadata/annotations/reschedule.hook~1ns.pod';

const patch = (api: Api, body: unknown, contentType: string, path = 'pods/a', query = ''): Promise<Answer> =>
  api.call('PATCH', `${api.path(path)}${query}`, { body, contentType });

const annotations = (values: Record<string, string | null>) => ({ metadata: { annotations: values } });

/** Manager and operation of whoever owns an annotation. */
function ownersOf({ body }: Answer, key: string): unknown {
  type Entry = { manager: string; operation: string; fieldsV1: { 'f:metadata'?: { 'f:annotations'?: object } } };
  return body.metadata.managedFields
    .filter(({ fieldsV1 }: Entry) => `f:${key}` in (fieldsV1['f:metadata']?.['f:annotations'] ?? {}))
    .map(({ manager, operation }: Entry) => [manager, operation]);
}

export const PATCHES: readonly Case[] = [
  {
    name: 'a merge patch that names the UID: of this instance, of another',
    run: async (api) => {
      const { body } = await api.createPod('a');
      const right = await patch(api, { metadata: { uid: body.metadata.uid, annotations: { x: '1' } } }, MERGE);
      const wrong = await patch(api, { metadata: { uid: 'other', annotations: { x: '2' } } }, MERGE);
      const { reason, details } = wrong.body;
      return [right.code, right.body.metadata.annotations, wrong.code, reason, details.causes[0]];
    },
    expected: [
      200,
      { x: '1' },
      422,
      'Invalid',
      {
        reason: 'FieldValueInvalid',
        message: 'Invalid value: "other": field is immutable',
        field: 'metadata.uid',
      },
    ],
  },
  {
    name: 'a merge patch that names an old version',
    run: async (api) => {
      await api.createPod('a');
      return told(await patch(api, { metadata: { resourceVersion: '1', annotations: { x: '1' } } }, MERGE));
    },
    expected: {
      code: 409,
      reason: 'Conflict',
      message:
        'Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again',
      details: { name: 'a', kind: 'pods' },
    },
  },
  {
    name: 'a JSON patch tests the value that it removes',
    run: async (api) => {
      await api.createPod('a', annotations({ [KEY]: 'value', other: 'stays' }));
      const remove = (value: string) => [
        { op: 'test', path: POINTER, value },
        { op: 'remove', path: POINTER },
      ];
      const wrong = await patch(api, remove('another'), JSON_PATCH);
      const right = await patch(api, remove('value'), JSON_PATCH);
      const again = await patch(api, remove('value'), JSON_PATCH);
      return [told(wrong), right.code, right.body.metadata.annotations, told(again)];
    },
    expected: [
      {
        code: 422,
        reason: 'Invalid',
        message: 'the server rejected our request due to an error in our request',
        details: {},
      },
      200,
      { other: 'stays' },
      {
        code: 422,
        reason: 'Invalid',
        message: 'the server rejected our request due to an error in our request',
        details: {},
      },
    ],
  },
  {
    name: 'a JSON patch adds, replaces, moves and copies',
    run: async (api) => {
      await api.createPod('a', annotations({ a: '1', b: '2' }));
      const at = (key: string) => `/metadata/annotations/${key}`;
      const operations = [
        { op: 'add', path: at('c'), value: '3' },
        { op: 'replace', path: at('a'), value: '0' },
        { op: 'move', from: at('b'), path: at('d') },
        { op: 'copy', from: at('d'), path: at('e') },
      ];
      return (await patch(api, operations, JSON_PATCH)).body.metadata.annotations;
    },
    expected: { a: '0', c: '3', d: '2', e: '2' },
  },
  {
    name: 'patches that cannot be read or carried out',
    run: async (api) => {
      await api.createPod('a');
      const other = await patch(api, { metadata: { name: 'b' } }, MERGE);
      const type = await patch(api, 'x', 'text/plain');
      const unknown = await patch(api, [{ op: 'bogus', path: '/x' }], JSON_PATCH);
      const broken = await patch(api, '{', JSON_PATCH);
      const nobody = await patch(api, annotations({ x: '1' }), MERGE, 'pods/none');
      return [told(other), told(type), unknown.code, broken.code, broken.body.reason, nobody.code];
    },
    expected: [
      { code: 400, reason: 'BadRequest', message: 'the name of the object (b) does not match the name on the URL (a)' },
      { code: 415, reason: 'UnsupportedMediaType', message: '415: Unsupported Media Type', details: {} },
      422,
      400,
      'BadRequest',
      404,
    ],
  },
  {
    name: 'an annotation whose name is too long, a spec that must not change',
    run: async (api) => {
      await api.createPod('a');
      const long = await patch(api, annotations({ [`a.b/${'x'.repeat(64)}`]: '1' }), MERGE);
      const spec = await patch(api, { spec: { nodeName: 'other' } }, MERGE);
      return [long, spec].map(({ code, body }) => [code, body.reason, body.details.causes[0].field]);
    },
    expected: [
      [422, 'Invalid', 'metadata.annotations'],
      [422, 'Invalid', 'spec'],
    ],
  },
  {
    name: 'a patch that changes nothing keeps the version; a dry run changes nothing',
    run: async (api) => {
      await api.runPod('a', annotations({ x: '1' }));
      const before = await api.call('GET', api.path('pods/a'));
      const same = await patch(api, annotations({ x: '1' }), MERGE);
      const dry = await patch(api, annotations({ x: '2' }), MERGE, 'pods/a', '?dryRun=All');
      const after = await api.call('GET', api.path('pods/a'));
      const version = ({ body }: Answer) => body.metadata.resourceVersion;
      return [version(same) === version(before), dry.body.metadata.annotations, version(after) === version(before)];
    },
    expected: [true, { x: '2' }, true],
  },
  {
    name: 'managed fields tell who set an annotation last',
    run: async (api) => {
      await api.createPod('a', annotations({ x: '1' }));
      const by = (manager: string, value: string | null) =>
        patch(api, annotations({ x: value }), MERGE, 'pods/a', `?fieldManager=${manager}`);
      const first = ownersOf(await by('one', '2'), 'x');
      const same = ownersOf(await by('two', '2'), 'x');
      const second = ownersOf(await by('two', '3'), 'x');
      return [first, same, second, ownersOf(await by('one', null), 'x')];
    },
    expected: [[['one', 'Update']], [['one', 'Update']], [['two', 'Update']], []],
  },
  {
    name: 'the field manager is the user agent where none is named',
    run: async (api) => ownersOf(await api.createPod('a', annotations({ x: '1' })), 'x'),
    expected: [['contract', 'Update']],
  },
  {
    name: 'a status is patched by its own path only; conditions are merged by their type',
    run: async (api) => {
      await api.runPod('a');
      const status = { conditions: [{ type: 'test/gate', status: 'True' }] };
      const main = await patch(api, { status: { phase: 'Failed' } }, MERGE);
      const own = await patch(api, { status }, STRATEGIC, 'pods/a/status');
      const types = own.body.status.conditions.map(({ type }: { type: string }) => type);
      return [main.body.status.phase, types.includes('test/gate'), types.includes('Ready')];
    },
    expected: ['Running', true, true],
  },
  {
    name: 'apply creates, changes, leaves what others own, and takes back what it no longer says',
    run: async (api) => {
      const path = api.path('configmaps/a');
      const apply = (annotations: object, query = 'fieldManager=one&force=true') => {
        const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', annotations } };
        return api.call('PATCH', `${path}?${query}`, { body, contentType: APPLY });
      };
      const created = await apply({ x: '1', y: '1' });
      const body = { metadata: { annotations: { z: '1' } } };
      await api.call('PATCH', `${path}?fieldManager=two`, { body, contentType: 'application/merge-patch+json' });
      const changed = await apply({ x: '2' });
      const contested = await apply({ z: '2' }, 'fieldManager=one');
      return [created.code, changed.code, changed.body.metadata.annotations, contested.code, contested.body.reason];
    },
    expected: [201, 200, { x: '2', z: '1' }, 409, 'Conflict'],
  },
];
