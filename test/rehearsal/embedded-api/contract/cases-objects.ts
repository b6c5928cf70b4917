import { type Api, aPod, type Case, told } from './contract.ts';

const noSuchPod = (name: string) => ({
  code: 404,
  reason: 'NotFound',
  message: `pods "${name}" not found`,
  details: { name, kind: 'pods' },
});

const namesOf = (items: readonly { readonly metadata: { readonly name: string } }[]) =>
  items.map(({ metadata }) => metadata.name);

/** Which page a list is read in: names, and whether there are more. */
async function pages(api: Api, query: string): Promise<unknown[]> {
  const seen: unknown[] = [];
  for (let next = ''; ; ) {
    const { body } = await api.call('GET', `${api.path('pods')}?limit=2&${query}&continue=${encodeURIComponent(next)}`);
    seen.push([namesOf(body.items), body.metadata.remainingItemCount ?? 0]);
    if (next === '') await api.createPod('a9');
    next = body.metadata.continue ?? '';
    if (next === '') return seen;
  }
}

export const OBJECTS: readonly Case[] = [
  {
    name: 'create: exists already, no name, a wrong name, another namespace, no such namespace, no JSON',
    run: async (api) => {
      await api.createPod('a');
      const pods = api.path('pods');
      const answers = [
        await api.createPod('a'),
        await api.call('POST', pods, { body: { ...aPod('x'), metadata: {} } }),
        await api.call('POST', pods, { body: { ...aPod('x'), metadata: { name: 'x', namespace: 'other' } } }),
        await api.call('POST', '/api/v1/namespaces/nowhere/pods', { body: aPod('x') }),
        await api.call('POST', pods, { body: { ...aPod('x'), spec: {} } }),
      ];
      const wrong = await api.createPod('Wrong_Name');
      return [...answers.map(told), wrong.code, wrong.body.reason, wrong.body.details.causes[0].field];
    },
    expected: [
      { code: 409, reason: 'AlreadyExists', message: 'pods "a" already exists', details: { name: 'a', kind: 'pods' } },
      {
        code: 422,
        reason: 'Invalid',
        message: 'Pod "" is invalid: metadata.name: Required value: name or generateName is required',
        details: {
          kind: 'Pod',
          causes: [
            {
              reason: 'FieldValueRequired',
              message: 'Required value: name or generateName is required',
              field: 'metadata.name',
            },
          ],
        },
      },
      {
        code: 400,
        reason: 'BadRequest',
        message: 'the namespace of the provided object does not match the namespace sent on the request',
      },
      {
        code: 404,
        reason: 'NotFound',
        message: 'namespaces "nowhere" not found',
        details: { name: 'nowhere', kind: 'namespaces' },
      },
      {
        code: 422,
        reason: 'Invalid',
        message: 'Pod "x" is invalid: spec.containers: Required value',
        details: {
          name: 'x',
          kind: 'Pod',
          causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.containers' }],
        },
      },
      422,
      'Invalid',
      'metadata.name',
    ],
  },
  {
    name: 'a new pod: what the API server fills in, as far as the hook and drainers read it',
    run: async (api) => {
      const { code, body } = await api.createPod('a', { metadata: { labels: { app: 'x' } } });
      const { metadata, spec, status } = body;
      const { name, namespace, uid, generation, labels } = metadata;
      const { restartPolicy, terminationGracePeriodSeconds, schedulerName, tolerations } = spec;
      const filledIn = { restartPolicy, terminationGracePeriodSeconds, schedulerName, tolerations: tolerations.length };
      return { code, metadata: { name, namespace, uid, generation, labels }, filledIn, status };
    },
    expected: {
      code: 201,
      metadata: { name: 'a', namespace: '<namespace>', uid: '<uid>', generation: 1, labels: { app: 'x' } },
      filledIn: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        schedulerName: 'default-scheduler',
        tolerations: 2,
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    },
  },
  {
    name: 'it is scheduled, runs and turns Ready',
    run: async (api) => {
      const { spec, status } = await api.runPod('a');
      return [api.subject.nodes.includes(spec.nodeName), status.phase, typeof status.podIP];
    },
    expected: [true, 'Running', 'string'],
  },
  {
    name: 'get, update and delete of what is not there',
    run: async (api) => [
      told(await api.call('GET', api.path('pods/a'))),
      told(await api.call('PUT', api.path('pods/a'), { body: aPod('a') })),
      told(await api.call('DELETE', api.path('pods/a'))),
      told(await api.call('GET', '/api/v1/nodes/none')),
    ],
    expected: [
      noSuchPod('a'),
      noSuchPod('a'),
      noSuchPod('a'),
      { code: 404, reason: 'NotFound', message: 'nodes "none" not found', details: { name: 'none', kind: 'nodes' } },
    ],
  },
  {
    name: 'update: an old version, another name',
    run: async (api) => {
      await api.createPod('a');
      const metadata = { name: 'a', resourceVersion: '1' };
      return [
        told(await api.call('PUT', api.path('pods/a'), { body: { ...aPod('a'), metadata } })),
        told(await api.call('PUT', api.path('pods/a'), { body: aPod('b') })),
      ];
    },
    expected: [
      {
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on pods "a": the object has been modified; please apply your changes to the latest version and try again',
        details: { name: 'a', kind: 'pods' },
      },
      {
        code: 400,
        reason: 'BadRequest',
        message: 'the name of the object (b) does not match the name on the URL (a)',
      },
    ],
  },
  {
    name: 'pages of a list are as the first one was',
    run: async (api) => {
      for (const name of ['a1', 'a2', 'a3', 'a4', 'a5'])
        await api.createPod(name, { metadata: { labels: { x: 'y' } } });
      return [await pages(api, ''), (await pages(api, 'labelSelector=x%3Dy')).map((page) => (page as unknown[])[0])];
    },
    expected: [
      [
        [['a1', 'a2'], 3],
        [['a3', 'a4'], 1],
        [['a5'], 0],
      ],
      [['a1', 'a2'], ['a3', 'a4'], ['a5']],
    ],
  },
  {
    name: 'a list: its own kind, items without theirs; selectors that cannot be read',
    run: async (api) => {
      await api.createPod('a');
      const { body } = await api.call('GET', `${api.path('pods')}?fieldSelector=metadata.name%3Da`);
      const { kind, apiVersion, items } = body;
      const bad = await api.call('GET', `${api.path('pods')}?fieldSelector=spec.none%3Da`);
      const worse = await api.call('GET', `${api.path('pods')}?labelSelector=a+b`);
      return [kind, apiVersion, items.map((item: object) => 'kind' in item), told(bad), worse.code, worse.body.reason];
    },
    expected: [
      'PodList',
      'v1',
      [false],
      { code: 400, reason: 'BadRequest', message: 'field label not supported: spec.none' },
      400,
      'BadRequest',
    ],
  },
  {
    name: 'a list by node: what is there now, also in pages, and with other fields',
    run: async (api) => {
      const [here = '', there = ''] = api.subject.nodes;
      await api.createPod('a', { spec: { nodeName: here } });
      await api.createPod('b', { spec: { nodeName: here } });
      await api.createPod('c', { spec: { nodeName: there } });
      const read = async (query: string) => (await api.call('GET', `${api.path('pods')}?${query}`)).body;
      const list = async (query: string) => namesOf((await read(query)).items);
      const on = (node: string) => `fieldSelector=spec.nodeName%3D${node}`;
      const before = [await list(on(here)), await list(on(there)), await list(on('none'))];
      const { items, metadata } = await read(`${on(here)}&limit=1`);
      await api.call('DELETE', `${api.path('pods/a')}?gracePeriodSeconds=0`);
      await api.createPod('d', { spec: { nodeName: here } });
      return [
        ...before,
        await list(on(here)),
        [namesOf(items), await list(`${on(here)}&limit=1&continue=${metadata.continue}`)],
        await list(`${on(here)},metadata.name%3Dd`),
        await list(`fieldSelector=spec.nodeName!%3D${here}`),
      ];
    },
    expected: [['a', 'b'], ['c'], [], ['b', 'd'], [['a'], ['b']], ['d'], ['c']],
  },
  {
    name: 'a table',
    run: async (api) => {
      await api.runPod('a');
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
      const { body } = await api.call('GET', api.path('pods'), { accept });
      const names = body.columnDefinitions.map(({ name, priority }: { name: string; priority: number }) => [
        name,
        priority,
      ]);
      return { kind: body.kind, names, cells: body.rows[0].cells.slice(0, 4), object: body.rows[0].object.kind };
    },
    expected: {
      kind: 'Table',
      names: [
        ['Name', 0],
        ['Ready', 0],
        ['Status', 0],
        ['Restarts', 0],
        ['Age', 0],
        ['IP', 1],
        ['Node', 1],
        ['Nominated Node', 1],
        ['Readiness Gates', 1],
      ],
      cells: ['a', '1/1', 'Running', '0'],
      object: 'PartialObjectMetadata',
    },
  },
];
