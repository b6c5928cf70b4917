import { type Answer, type Case, told } from './contract.ts';

const SLOW = { metadata: { annotations: { 'fake-kubelet/terminates-after': 'never' } } };

export const DELETIONS: readonly Case[] = [
  {
    name: 'delete: preconditions that do not hold',
    run: async (api) => {
      await api.createPod('a');
      const attempt = (preconditions: object) => api.call('DELETE', api.path('pods/a'), { body: { preconditions } });
      const version = await attempt({ resourceVersion: '1' });
      return [told(await attempt({ uid: 'no' })), version.code, version.body.reason, version.body.details];
    },
    expected: [
      {
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on Pod "a": the UID in the precondition (no) does not match the UID in record (<uid>). The object might have been deleted and then recreated',
        details: { name: 'a', kind: 'Pod' },
      },
      409,
      'Conflict',
      { name: 'a', kind: 'Pod' },
    ],
  },
  {
    name: 'delete: a pod with a grace period waits for its kubelet; with grace 0 it is gone at once',
    run: async (api) => {
      await api.runPod('a', SLOW);
      const first = await api.call('DELETE', api.path('pods/a'));
      const longer = await api.call('DELETE', api.path('pods/a'), { body: { gracePeriodSeconds: 60 } });
      const there = await api.call('GET', api.path('pods/a'));
      const now = await api.call('DELETE', `${api.path('pods/a')}?gracePeriodSeconds=0`);
      const gone = await api.call('GET', api.path('pods/a'));
      const graces = [first, longer, there, now].map(({ code, body }) => [
        code,
        body.metadata.deletionGracePeriodSeconds,
        body.metadata.generation,
      ]);
      return [graces, gone.code];
    },
    expected: [
      [
        [200, 30, 2],
        [200, 30, 2],
        [200, 30, 2],
        [200, 0, 2],
      ],
      404,
    ],
  },
  {
    name: 'delete: finalizers hold; a dry run deletes nothing',
    run: async (api) => {
      const { body } = await api.createPod('a', { metadata: { finalizers: ['test/keep'] } });
      const dry = await api.call('DELETE', `${api.path('pods/a')}?dryRun=All`);
      const before = await api.call('GET', api.path('pods/a'));
      await api.call('DELETE', `${api.path('pods/a')}?gracePeriodSeconds=0`);
      const held = await api.call('GET', api.path('pods/a'));
      const patch = { body: { metadata: { finalizers: null } }, contentType: 'application/merge-patch+json' };
      const released = await api.call('PATCH', api.path('pods/a'), patch);
      const after = await api.call('GET', api.path('pods/a'));
      const deleting = ({ body }: Answer) => body.metadata.deletionTimestamp !== undefined;
      return [
        dry.code,
        deleting(dry),
        deleting(before),
        held.body.metadata.uid === body.metadata.uid,
        deleting(held),
        released.code,
        after.code,
      ];
    },
    expected: [200, true, false, true, true, 200, 404],
  },
  {
    name: 'delete of what has no grace answers with a Status',
    run: async (api) => {
      const base = '/apis/policy/v1';
      const spec = { minAvailable: 1, selector: { matchLabels: { app: 'x' } } };
      await api.call('POST', api.path('poddisruptionbudgets', base), { body: { metadata: { name: 'b' }, spec } });
      return (await api.call('DELETE', api.path('poddisruptionbudgets/b', base))).body;
    },
    expected: {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Success',
      details: { name: 'b', group: 'policy', kind: 'poddisruptionbudgets', uid: '<uid>' },
    },
  },
  {
    name: 'a namespace that is being deleted is emptied first, takes nothing new, and goes',
    run: async (api) => {
      await api.createPod('a', { metadata: { finalizers: ['test/keep'] } });
      const { code, body } = await api.call('DELETE', `/api/v1/namespaces/${api.namespace}`);
      const refused = await api.createPod('b');
      const evicted = await api.evict('a');
      const patch = { body: { metadata: { finalizers: null } }, contentType: 'application/merge-patch+json' };
      await api.until(async () => (await api.call('PATCH', api.path('pods/a'), patch)).code === 404);
      await api.until(async () => (await api.call('GET', `/api/v1/namespaces/${api.namespace}`)).code === 404);
      return [code, body.status.phase, told(refused), told(evicted)];
    },
    expected: [
      200,
      'Terminating',
      {
        code: 403,
        reason: 'Forbidden',
        message:
          'pods "b" is forbidden: unable to create new content in namespace <namespace> because it is being terminated',
        details: {
          name: 'b',
          kind: 'pods',
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace <namespace> is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      },
      {
        code: 403,
        reason: 'Forbidden',
        message:
          'pods "a" is forbidden: unable to create new content in namespace <namespace> because it is being terminated',
        details: {
          name: 'a',
          kind: 'pods',
          causes: [
            {
              reason: 'NamespaceTerminating',
              message: 'namespace <namespace> is being terminated',
              field: 'metadata.namespace',
            },
          ],
        },
      },
    ],
  },
];
