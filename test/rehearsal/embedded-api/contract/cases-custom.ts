import { type Api, type Case, MERGE, told } from './contract.ts';

const DEFINITIONS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const BASE = '/apis/contract.example/v2';

function definition(plural: string, subresources?: object): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  const version = { name: 'v2', served: true, storage: true, schema, ...(subresources ? { subresources } : {}) };
  const kind = plural.replace(/^./, (letter) => letter.toUpperCase()).replace(/s$/, '');
  return {
    metadata: { name: `${plural}.contract.example` },
    spec: { group: 'contract.example', scope: 'Namespaced', names: { kind, plural }, versions: [version] },
  };
}

/** A definition of the case's own, served once this resolves. */
async function define(api: Api, plural: string, subresources?: object): Promise<void> {
  await api.call('POST', DEFINITIONS, { body: definition(plural, subresources) });
  api.atEnd(() => api.call('DELETE', `${DEFINITIONS}/${plural}.contract.example`));
  await api.until(async () => (await api.call('GET', `${BASE}/${plural}`)).code === 200);
}

function create(api: Api, plural: string, body: object) {
  const kind = plural.replace(/^./, (letter) => letter.toUpperCase()).replace(/s$/, '');
  const whole = { apiVersion: 'contract.example/v2', kind, metadata: { name: 'a' }, ...body };
  return api.call('POST', api.path(plural, BASE), { body: whole });
}

export const CUSTOM: readonly Case[] = [
  {
    name: 'a definition serves its kind; without a status path, the status is as any other field',
    run: async (api) => {
      await define(api, 'plains');
      const created = await create(api, 'plains', { spec: { size: 3 }, status: { phase: 'x' } });
      const path = api.path('plains/a', BASE);
      const patch = { body: { status: { phase: 'y' } }, contentType: MERGE };
      const patched = await api.call('PATCH', path, patch);
      const { generation } = patched.body.metadata;
      return [created.code, created.body.kind, created.body.spec, patched.body.status, generation];
    },
    expected: [201, 'Plain', { size: 3 }, { phase: 'y' }, 2],
  },
  {
    name: 'with a status path, each path changes its own part only',
    run: async (api) => {
      await define(api, 'statefuls', { status: {} });
      const created = await create(api, 'statefuls', { spec: { size: 3 }, status: { phase: 'x' } });
      const path = api.path('statefuls/a', BASE);
      const patch = { body: { spec: { size: 4 }, status: { phase: 'y' } }, contentType: MERGE };
      const main = await api.call('PATCH', path, patch);
      const status = await api.call('PATCH', `${path}/status`, {
        ...patch,
        body: { spec: { size: 5 }, status: { phase: 'z' } },
      });
      return [created, main, status].map(({ body }) => [
        body.spec.size,
        body.status?.phase ?? 'none',
        body.metadata.generation,
      ]);
    },
    expected: [
      [3, 'none', 1],
      [4, 'none', 2],
      [4, 'z', 2],
    ],
  },
  {
    name: 'errors name the kind with its group',
    run: async (api) => {
      await define(api, 'names');
      await create(api, 'names', {});
      const path = (name: string) => api.path(`names/${name}`, BASE);
      const body = { metadata: { resourceVersion: '1', annotations: { x: '1' } } };
      return [
        told(await api.call('GET', path('none'))),
        told(await create(api, 'names', {})),
        told(await api.call('PATCH', path('a'), { body, contentType: MERGE })),
      ];
    },
    expected: [
      {
        code: 404,
        reason: 'NotFound',
        message: 'names.contract.example "none" not found',
        details: { name: 'none', group: 'contract.example', kind: 'names' },
      },
      {
        code: 409,
        reason: 'AlreadyExists',
        message: 'names.contract.example "a" already exists',
        details: { name: 'a', group: 'contract.example', kind: 'names' },
      },
      {
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on names.contract.example "a": the object has been modified; please apply your changes to the latest version and try again',
        details: { name: 'a', group: 'contract.example', kind: 'names' },
      },
    ],
  },
  {
    name: 'when the definition goes, its objects go, and then its path',
    run: async (api) => {
      await define(api, 'goers');
      await create(api, 'goers', {});
      await api.call('DELETE', `${DEFINITIONS}/goers.contract.example`);
      const gone = await api.until(async () => {
        const answer = await api.call('GET', api.path('goers/a', BASE));
        return answer.code === 404 && typeof answer.body === 'string' && answer;
      });
      return gone.body;
    },
    expected: '404 page not found\n',
  },
];
