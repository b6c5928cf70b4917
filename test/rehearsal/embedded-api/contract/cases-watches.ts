import { type Api, type Case, MERGE } from './contract.ts';

type Event = { readonly type: string; readonly object: { readonly metadata: { readonly name?: string } } };

const shape = ({ type, object }: Event) => [type, object.metadata.name];
const labels = (values: object) => ({ metadata: { labels: values } });

async function version(api: Api): Promise<string> {
  return (await api.call('GET', `${api.path('configmaps')}?limit=1`)).body.metadata.resourceVersion;
}

const createMap = (api: Api, name: string, metadata: object = {}) =>
  api.call('POST', api.path('configmaps'), { body: { metadata: { name, ...metadata } } });

const relabel = (api: Api, name: string, values: object) =>
  api.call('PATCH', api.path(`configmaps/${name}`), { body: labels(values), contentType: MERGE });

export const WATCHES: readonly Case[] = [
  {
    name: 'from a version: what has happened since, in order, each with a version of its own',
    run: async (api) => {
      const from = await version(api);
      await createMap(api, 'a');
      await relabel(api, 'a', { x: '1' });
      await api.call('DELETE', api.path('configmaps/a'));
      const events = await api.watch(api.path('configmaps'), `resourceVersion=${from}&fieldSelector=metadata.name%3Da`);
      const versions = events.map(({ object }) => Number(object.metadata.resourceVersion));
      const isRising = versions.every((one, i) => one > (versions[i - 1] ?? Number(from)));
      return [events.map(shape), isRising, events.at(-1)?.object.metadata.labels];
    },
    expected: [
      [
        ['ADDED', 'a'],
        ['MODIFIED', 'a'],
        ['DELETED', 'a'],
      ],
      true,
      { x: '1' },
    ],
  },
  {
    name: 'without a version, or from 0: what there is',
    run: async (api) => {
      await createMap(api, 'a');
      const query = 'fieldSelector=metadata.name%3Da';
      const path = api.path('configmaps');
      return [
        (await api.watch(path, query)).map(shape),
        (await api.watch(path, `${query}&resourceVersion=0`)).map(shape),
      ];
    },
    expected: [[['ADDED', 'a']], [['ADDED', 'a']]],
  },
  {
    name: 'with a selector: what enters it is added, what leaves it is deleted, as it was, in the version of that change',
    run: async (api) => {
      const from = await version(api);
      await createMap(api, 'a');
      await relabel(api, 'a', { x: '1' });
      await relabel(api, 'a', { y: '1' });
      const { resourceVersion } = (await relabel(api, 'a', { x: '2' })).body.metadata;
      const events = await api.watch(api.path('configmaps'), `resourceVersion=${from}&labelSelector=x%3D1`);
      const { metadata } = events.at(-1)?.object ?? {};
      return [events.map(shape), metadata.resourceVersion === resourceVersion, metadata.labels];
    },
    expected: [
      [
        ['ADDED', 'a'],
        ['MODIFIED', 'a'],
        ['DELETED', 'a'],
      ],
      true,
      { x: '1', y: '1' },
    ],
  },
  {
    name: 'initial events end with a bookmark that says so',
    run: async (api) => {
      await createMap(api, 'a');
      const query =
        'sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Da';
      const events = await api.watch(api.path('configmaps'), query);
      const { kind, apiVersion, metadata } = events[1]?.object ?? {};
      return [events.map(({ type }) => type).slice(0, 2), kind, apiVersion, metadata.annotations];
    },
    expected: [['ADDED', 'BOOKMARK'], 'ConfigMap', 'v1', { 'k8s.io/initial-events-end': 'true' }],
  },
  {
    name: 'a list from a version that is yet to come',
    run: async (api) => {
      const { code, body } = await api.call(
        'GET',
        `${api.path('configmaps')}?resourceVersion=999999999&timeoutSeconds=1`,
      );
      return [code, body.reason, body.details.causes, body.details.retryAfterSeconds];
    },
    expected: [504, 'Timeout', [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], 1],
  },
];

export const FORGETTING: readonly Case[] = [
  {
    name: 'after a compaction and a restart: everything is there, earlier pages and watches get 410',
    run: async (api) => {
      const { body: before } = await api.createPod('a');
      await api.createPod('b');
      const page = await api.call('GET', `${api.path('pods')}?limit=1`);
      const { resourceVersion, continue: token } = page.body.metadata;
      await api.createPod('c');
      await api.subject.forget();
      // Connections from before are dead, which the first to use one finds out.
      await api.until(async () => (await api.call('GET', '/readyz')).code === 200);
      const next = await api.call('GET', `${api.path('pods')}?limit=1&continue=${encodeURIComponent(token)}`);
      const [event] = await api.watch(api.path('pods'), `resourceVersion=${Math.max(1, Number(resourceVersion) - 1)}`);
      const after = await api.call('GET', api.path('pods/a'));
      const { code, reason, status } = event?.object ?? {};
      return {
        isThere: after.body.metadata.uid === before.metadata.uid,
        page: [next.code, next.body.reason, /too old/.test(next.body.message)],
        watch: [event?.type, code, reason, status],
      };
    },
    expected: {
      isThere: true,
      page: [410, 'Expired', true],
      watch: ['ERROR', 410, 'Expired', 'Failure'],
    },
  },
];
