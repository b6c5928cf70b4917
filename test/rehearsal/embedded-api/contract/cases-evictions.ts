import { type Api, type Case, told } from './contract.ts';

const LABELS = { metadata: { labels: { app: 'x' } } };
const POLICY = '/apis/policy/v1';
const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
const EVICTED = { code: 201, body: SUCCESS, warnings: [] };
const badRequest = (message: string) => ({ code: 400, reason: 'BadRequest', message });
const unregistered = (kind: string, version: string) =>
  badRequest(
    `${kind} in version "${version.split('/').at(-1)}" cannot be handled as a Eviction: no kind "${kind}" is registered for version "${version}" in scheme "pkg/runtime/scheme.go:111"`,
  );

async function createBudget(api: Api, name: string, spec: object): Promise<void> {
  const body = { metadata: { name }, spec: { selector: { matchLabels: LABELS.metadata.labels }, ...spec } };
  await api.call('POST', api.path('poddisruptionbudgets', POLICY), { body });
}

/** Waits until so many pods have been counted, and so many of them as healthy; gives all figures. */
async function figures(api: Api, name: string, expectedPods: number, healthy = expectedPods): Promise<unknown> {
  return api.until(async () => {
    const { body } = await api.call('GET', api.path(`poddisruptionbudgets/${name}`, POLICY));
    const { observedGeneration, conditions: _, disruptedPods: __, ...status } = body.status;
    const isCounted = status.expectedPods === expectedPods && status.currentHealthy === healthy;
    return observedGeneration === 1 && isCounted && status;
  });
}

export const EVICTIONS: readonly Case[] = [
  {
    name: 'of nobody, under another name, with preconditions that do not hold',
    run: async (api) => {
      await api.runPod('a');
      const version = await api.evict('a', { deleteOptions: { preconditions: { resourceVersion: '1' } } });
      return [
        told(await api.evict('nobody')),
        told(await api.evict('a', { metadata: { name: 'other' } })),
        told(await api.evict('a', { deleteOptions: { preconditions: { uid: 'x' } } })),
        [version.code, version.body.reason],
      ];
    },
    expected: [
      { code: 404, reason: 'NotFound', message: 'pods "nobody" not found', details: { name: 'nobody', kind: 'pods' } },
      { code: 400, reason: 'BadRequest', message: 'name in URL does not match name in Eviction object' },
      {
        code: 409,
        reason: 'Conflict',
        message:
          'Operation cannot be fulfilled on Pod "a": the UID in the precondition (x) does not match the UID in record (<uid>). The object might have been deleted and then recreated',
        details: { name: 'a', kind: 'Pod' },
      },
      [409, 'Conflict'],
    ],
  },
  {
    name: 'a dry run, by the query and by the body, evicts nobody',
    run: async (api) => {
      const { metadata } = await api.runPod('a');
      const byQuery = await api.evict('a', { query: '?dryRun=All' });
      const byBody = await api.evict('a', { deleteOptions: { dryRun: ['All'] } });
      const unknown = await api.evict('a', { query: '?dryRun=Foo' });
      const { body } = await api.call('GET', api.path('pods/a'));
      const isUnchanged = body.metadata.uid === metadata.uid && body.metadata.deletionTimestamp === undefined;
      return [byQuery.body, byBody.body, [unknown.code, unknown.body.reason], isUnchanged];
    },
    expected: [SUCCESS, SUCCESS, [422, 'Invalid'], true],
  },
  {
    name: 'without a budget the pod goes; while it goes it may be evicted again',
    run: async (api) => {
      await api.runPod('a', { metadata: { annotations: { 'fake-kubelet/terminates-after': 'never' } } });
      const first = await api.evict('a');
      const { body } = await api.call('GET', api.path('pods/a'));
      const again = await api.evict('a', { deleteOptions: { gracePeriodSeconds: 0 } });
      return [
        first,
        body.metadata.deletionGracePeriodSeconds,
        again.code,
        (await api.call('GET', api.path('pods/a'))).code,
      ];
    },
    expected: [{ code: 201, body: SUCCESS, warnings: [] }, 30, 201, 404],
  },
  {
    name: 'a budget that is used up: 429 with its cause, and no Retry-After',
    run: async (api) => {
      await api.runPod('a', LABELS);
      await createBudget(api, 'b', { minAvailable: 1 });
      const counted = await figures(api, 'b', 1);
      return [counted, told(await api.evict('a'))];
    },
    expected: [
      { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
      {
        code: 429,
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        details: {
          causes: [
            { reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 1 currently' },
          ],
        },
      },
    ],
  },
  {
    name: 'a budget with room for one: the second has to wait',
    run: async (api) => {
      await api.runPod('a', LABELS);
      await api.runPod('b', LABELS);
      await createBudget(api, 'b', { minAvailable: 1 });
      await figures(api, 'b', 2);
      const [one, other] = [await api.evict('a'), await api.evict('b')];
      return [one.code, other.code, other.body.details.causes[0].reason];
    },
    expected: [201, 429, 'DisruptionBudget'],
  },
  {
    name: 'two budgets over one pod: 500, without a reason',
    run: async (api) => {
      await api.runPod('a', LABELS);
      for (const name of ['b', 'c']) await createBudget(api, name, { maxUnavailable: 1 });
      return told(await api.evict('a'));
    },
    expected: {
      code: 500,
      message: 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    },
  },
  {
    name: 'a pod that is not Ready: only while the budget is healthy without it, or if it says always',
    run: async (api) => {
      const unready = { metadata: { ...LABELS.metadata, annotations: { 'fake-kubelet/ready': 'false' } } };
      await api.createPod('a', unready);
      await api.until(async () => (await api.call('GET', api.path('pods/a'))).body.status.phase === 'Running');
      await createBudget(api, 'b', { minAvailable: 1 });
      await figures(api, 'b', 1, 0);
      const refused = await api.evict('a');
      await api.runPod('c', LABELS);
      await figures(api, 'b', 2, 1);
      return [refused.code, (await api.evict('a')).code];
    },
    expected: [429, 201],
  },
  {
    name: 'a pending pod needs no budget',
    run: async (api) => {
      await api.createPod('a', { ...LABELS, spec: { nodeSelector: { no: 'such-node' } } });
      await createBudget(api, 'b', { minAvailable: 1 });
      await figures(api, 'b', 1, 0);
      const { body } = await api.call('GET', api.path('pods/a'));
      return [
        body.spec.nodeName ?? 'none',
        (await api.evict('a')).code,
        (await api.call('GET', api.path('pods/a'))).code,
      ];
    },
    expected: ['none', 201, 404],
  },
  {
    name: 'a body of the older version evicts as well, and one that does not say what it is',
    run: async (api) => {
      const path = (name: string) => api.path(`pods/${name}/eviction`);
      for (const name of ['a', 'b', 'c', 'd']) await api.runPod(name);
      const older = { apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata: { name: 'a' } };
      const dryRun = { ...older, deleteOptions: { dryRun: ['All'] } };
      return [
        await api.call('POST', path('a'), { body: dryRun }),
        (await api.call('GET', api.path('pods/a'))).body.metadata.deletionTimestamp ?? 'stays',
        await api.call('POST', path('a'), { body: older }),
        await api.call('POST', path('b'), { body: { metadata: { name: 'b' } } }),
        await api.call('POST', path('c'), { body: { apiVersion: 'policy/v1', metadata: { name: 'c' } } }),
        await api.call('POST', path('d'), { body: { kind: 'Eviction', metadata: { name: 'd' } } }),
      ];
    },
    expected: [EVICTED, 'stays', EVICTED, EVICTED, EVICTED, EVICTED],
  },
  {
    name: 'a body of another kind, version or namespace is refused, and the pod stays',
    run: async (api) => {
      const { metadata } = await api.runPod('a');
      const post = async (body: object) => told(await api.call('POST', api.path('pods/a/eviction'), { body }));
      const named = { metadata: { name: 'a' } };
      const answers = [
        await post({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', ...named }),
        await post({ apiVersion: 'v1', kind: 'Pod', ...named }),
        await post({ apiVersion: 'v1', kind: 'Eviction', ...named }),
        await post({ apiVersion: 'policy/v2', kind: 'Eviction', ...named }),
        await post({ apiVersion: 'policy/v1', kind: 'Nothing', ...named }),
        await post({ kind: 'Nothing', ...named }),
        await post({ apiVersion: 'policy/v1', kind: 'Eviction' }),
        await post({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'a', namespace: 'other' } }),
      ];
      const { body } = await api.call('GET', api.path('pods/a'));
      return [answers, body.metadata.uid === metadata.uid, body.metadata.deletionTimestamp ?? 'stays'];
    },
    expected: [
      [
        badRequest(
          'PodDisruptionBudget in version "v1" cannot be handled as a Eviction: converting (v1.PodDisruptionBudget) to (policy.Eviction): unknown conversion',
        ),
        badRequest(
          'Pod in version "v1" cannot be handled as a Eviction: converting (v1.Pod) to (policy.Eviction): unknown conversion',
        ),
        unregistered('Eviction', 'v1'),
        unregistered('Eviction', 'policy/v2'),
        unregistered('Nothing', 'policy/v1'),
        unregistered('Nothing', 'policy/v1'),
        badRequest('name in URL does not match name in Eviction object'),
        badRequest('the namespace of the provided object does not match the namespace sent on the request'),
      ],
      true,
      'stays',
    ],
  },
];
