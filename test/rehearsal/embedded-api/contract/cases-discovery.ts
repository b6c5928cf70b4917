import type { Api, Case } from './contract.ts';

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

type Resource = { readonly name?: string; readonly resource?: string };

async function resource(api: Api, path: string, name: string): Promise<unknown> {
  const { body } = await api.call('GET', path);
  const { storageVersionHash: _, ...found } = body.resources.find((one: Resource) => one.name === name) ?? {};
  return found;
}

export const DISCOVERY: readonly Case[] = [
  {
    name: 'the core API lists pods and how to evict them',
    run: async (api) => [await resource(api, '/api/v1', 'pods'), await resource(api, '/api/v1', 'pods/eviction')],
    expected: [
      {
        name: 'pods',
        singularName: 'pod',
        namespaced: true,
        kind: 'Pod',
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        shortNames: ['po'],
        categories: ['all'],
      },
      {
        name: 'pods/eviction',
        singularName: '',
        namespaced: true,
        group: 'policy',
        version: 'v1',
        kind: 'Eviction',
        verbs: ['create'],
      },
    ],
  },
  {
    name: 'a group and its versions',
    run: async (api) => (await api.call('GET', '/apis/policy')).body,
    expected: {
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: 'policy',
      versions: [{ groupVersion: 'policy/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'policy/v1', version: 'v1' },
    },
  },
  {
    name: 'aggregated: nodes',
    run: async (api) => {
      const { body } = await api.call('GET', '/api', { accept: AGGREGATED });
      return body.items[0].versions[0].resources.find((one: Resource) => one.resource === 'nodes').scope;
    },
    expected: 'Cluster',
  },
  {
    name: 'what is not served, and who may not ask',
    run: async (api) => [
      await api.call('GET', '/nope'),
      await api.call('GET', '/api/v1/nope'),
      await api.call('GET', '/apis/none.example/v1/x'),
      await api.call('GET', '/api/v1/pods', { token: 'wrong' }),
    ],
    expected: [
      { code: 404, body: '404 page not found\n', warnings: [] },
      {
        code: 404,
        body: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: 'the server could not find the requested resource',
          reason: 'NotFound',
          details: {},
          code: 404,
        },
        warnings: [],
      },
      { code: 404, body: '404 page not found\n', warnings: [] },
      {
        code: 401,
        body: {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          message: 'Unauthorized',
          reason: 'Unauthorized',
          code: 401,
        },
        warnings: [],
      },
    ],
  },
  {
    name: 'an access review',
    run: async (api) => {
      const spec = { resourceAttributes: { verb: 'patch', resource: 'pods' } };
      const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
      const answer = await api.call('POST', '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', { body });
      return [answer.code, answer.body.status.allowed];
    },
    expected: [201, true],
  },
  {
    name: 'who asks',
    run: async (api) => {
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
      const answer = await api.call('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body });
      return [answer.code, answer.body.status.userInfo.username, answer.body.status.userInfo.groups];
    },
    expected: [201, 'admin', ['system:masters', 'system:authenticated']],
  },
];
