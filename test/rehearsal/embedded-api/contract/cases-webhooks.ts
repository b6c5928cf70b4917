import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, type Case, MERGE, told } from './contract.ts';
import { DENIED, startWebhook } from './webhook.ts';

const by = 'admission webhook "<namespace>.contract.test" denied the request';
const failed = 'failed calling webhook "<namespace>.contract.test"';

const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction' };
const SEEN = {
  kind: EVICTION,
  requestKind: EVICTION,
  object: { kind: 'Eviction', apiVersion: 'policy/v1', metadata: { name: 'a', namespace: '<namespace>' } },
};

const denying =
  (status: object | undefined): Case['run'] =>
  async (api) => {
    await startWebhook(api, { respond: () => ({ allowed: false, ...(status ? { status } : {}) }) });
    return told(await api.evict('a'));
  };

/** How much later the one answers that is to be late. */
const LATE_MS = 300;
const refusal = (code: number) => ({ allowed: false, status: { code, message: `refused with ${code}` } });

/** The code of an eviction that two webhooks refuse; the one in front of the other by its name is late, or the other one. */
async function firstOfTwo(api: Api, isFirstLate: boolean): Promise<number> {
  const late = async () => {
    await sleep(LATE_MS);
    return refusal(429);
  };
  const early = () => refusal(500);
  await startWebhook(api, { prefix: `a-${isFirstLate}.`, respond: isFirstLate ? late : early });
  await startWebhook(api, { prefix: `b-${isFirstLate}.`, respond: isFirstLate ? early : late });
  return (await api.evict('a')).code;
}

export const WEBHOOKS: readonly Case[] = [
  {
    name: 'that refuses later than another one is not heard',
    run: async (api) => firstOfTwo(api, true),
    expected: 500,
  },
  {
    name: 'that refuses sooner than another one is heard',
    run: async (api) => firstOfTwo(api, false),
    expected: 500,
  },
  {
    name: 'is asked with the eviction, its user, and the deadline',
    run: async (api) => {
      const { asked } = await startWebhook(api);
      await api.evict('a', { deleteOptions: { gracePeriodSeconds: 5 } });
      const [{ request, url } = { request: {}, url: '' }] = asked;
      const { uid, options, object, userInfo, ...rest } = request;
      const { kind, apiVersion, metadata, deleteOptions } = object;
      const { username, groups } = userInfo;
      return {
        url,
        uid,
        options,
        rest,
        object: { kind, apiVersion, name: metadata.name, deleteOptions },
        username,
        groups,
      };
    },
    expected: {
      url: '/eviction?timeout=10s',
      uid: '<uid>',
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      rest: {
        kind: { group: 'policy', version: 'v1', kind: 'Eviction' },
        resource: { group: '', version: 'v1', resource: 'pods' },
        subResource: 'eviction',
        requestKind: { group: 'policy', version: 'v1', kind: 'Eviction' },
        requestResource: { group: '', version: 'v1', resource: 'pods' },
        requestSubResource: 'eviction',
        name: 'a',
        namespace: '<namespace>',
        operation: 'CREATE',
        oldObject: null,
        dryRun: false,
      },
      object: { kind: 'Eviction', apiVersion: 'policy/v1', name: 'a', deleteOptions: { gracePeriodSeconds: 5 } },
      username: 'admin',
      groups: ['system:masters', 'system:authenticated'],
    },
  },
  {
    name: 'is asked alike whichever version the body has, and not about a body of another kind',
    run: async (api) => {
      const { asked } = await startWebhook(api);
      const post = (body: object) => api.call('POST', api.path('pods/a/eviction'), { body });
      const metadata = { name: 'a' };
      const codes = [
        (await post({ apiVersion: 'policy/v1beta1', kind: 'Eviction', metadata })).code,
        (await post({ metadata })).code,
        (await post({ apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata })).code,
      ];
      const seen = asked.map(({ request: { kind, requestKind, object } }) => ({ kind, requestKind, object }));
      return [codes, seen];
    },
    expected: [
      [429, 429, 400],
      [SEEN, SEEN],
    ],
  },
  {
    name: 'a denial reaches the client as it is, behind the name of the webhook',
    run: denying(DENIED.status),
    expected: { code: 429, reason: 'TooManyRequests', message: `${by}: Pod waiting to be rescheduled` },
  },
  {
    name: 'a denial with the code of a conflict is told from one by its message alone',
    run: denying({ code: 409, reason: 'Conflict', message: 'no' }),
    expected: { code: 409, reason: 'Conflict', message: `${by}: no` },
  },
  {
    name: 'and so is one with the code of a JSON patch whose test fails',
    run: denying({ code: 422, reason: 'Invalid', message: 'no', details: {} }),
    expected: { code: 422, reason: 'Invalid', message: `${by}: no`, details: {} },
  },
  {
    name: 'a denial without a code is a 400',
    run: denying({ message: 'no' }),
    expected: { code: 400, message: `${by}: no` },
  },
  {
    name: 'a denial without words',
    run: denying(undefined),
    expected: { code: 400, message: `${by} without explanation` },
  },
  {
    name: 'a denial of a pod that exists leaves it alone; of one that does not, it comes before the 404',
    run: async (api) => {
      const { metadata } = await api.runPod('a');
      await startWebhook(api);
      const codes = [(await api.evict('a')).code, (await api.evict('nobody')).code];
      const { body } = await api.call('GET', api.path('pods/a'));
      return [codes, body.metadata.uid === metadata.uid, body.metadata.deletionTimestamp ?? 'stays'];
    },
    expected: [[429, 429], true, 'stays'],
  },
  {
    name: 'is asked on a connection that is kept',
    run: async (api) => {
      const { asked, connections } = await startWebhook(api);
      const before = connections();
      for (const pod of ['a', 'b', 'c']) await api.evict(pod);
      return [asked.length, connections() - before];
    },
    expected: [3, 0],
  },
  {
    name: 'warnings reach the client, also with an allow',
    run: async (api) => {
      await api.runPod('a');
      await startWebhook(api, { respond: () => ({ allowed: true, warnings: ['say "so"'] }) });
      const { code, warnings } = await api.evict('a', { deleteOptions: { dryRun: ['All'] } });
      return [code, warnings];
    },
    expected: [201, ['299 - "say \\"so\\""']],
  },
  {
    name: 'is told of a dry run by the query, not of one in the body',
    run: async (api) => {
      const { asked } = await startWebhook(api);
      await api.evict('a', { query: '?dryRun=All' });
      await api.evict('a', { deleteOptions: { dryRun: ['All'] } });
      return asked.map(({ request }) => [request.dryRun, request.object.deleteOptions?.dryRun ?? []]);
    },
    expected: [
      [true, []],
      [false, ['All']],
    ],
  },
  {
    name: 'has a name of three segments at least',
    run: async (api) => {
      const registered = startWebhook(api, { registration: { name: 'two.segments' } });
      return registered.catch((error: Error) => error.message);
    },
    expected:
      'ValidatingWebhookConfiguration.admissionregistration.k8s.io "<namespace>.contract.test" is invalid: webhooks[0].name: Invalid value: "two.segments": should be a domain with at least three segments separated by dots',
  },
  {
    name: 'one with side effects is not registered',
    run: async (api) => {
      const registered = startWebhook(api, { registration: { sideEffects: 'Some' } });
      return registered.then(
        () => 'registered',
        ({ message }: Error) => message,
      );
    },
    expected:
      'ValidatingWebhookConfiguration.admissionregistration.k8s.io "<namespace>.contract.test" is invalid: webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
  },
  {
    name: 'one that an update adds gets what a new one gets, and is asked',
    run: async (api) => {
      await api.call('POST', api.path('configmaps'), { body: { metadata: { name: 'a' } } });
      const { name, path } = await startWebhook(api);
      const { body } = await api.call('GET', path);
      const { clientConfig, admissionReviewVersions, sideEffects } = body.webhooks[0];
      // Without selectors it is asked about every namespace; nobody else updates these.
      const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['configmaps'] }];
      const added = { name: `other.${name}`, clientConfig, rules, admissionReviewVersions, sideEffects };
      const updated = await api.call('PUT', path, { body: { ...body, webhooks: [...body.webhooks, added] } });
      const { name: _, clientConfig: __, rules: filledRules, ...filled } = updated.body.webhooks[1];
      await api.until(async () => {
        const change = { body: { data: { at: String(Math.random()) } }, contentType: MERGE };
        return (await api.call('PATCH', api.path('configmaps/a'), change)).code === 429;
      });
      return [updated.code, filled, filledRules[0].scope];
    },
    expected: [
      200,
      {
        admissionReviewVersions: ['v1'],
        failurePolicy: 'Fail',
        matchPolicy: 'Equivalent',
        namespaceSelector: {},
        objectSelector: {},
        sideEffects: 'NoneOnDryRun',
        timeoutSeconds: 10,
      },
      '*',
    ],
  },
  {
    name: 'one that fails is a 500',
    run: async (api) => {
      await api.runPod('a');
      await startWebhook(api, { status: 500 });
      const { code, body } = await api.evict('a');
      return [
        code,
        body.reason,
        body.message.startsWith(`Internal error occurred: failed calling webhook "${api.namespace}`),
      ];
    },
    expected: [500, 'InternalError', true],
  },
  {
    name: 'one that fails and is registered with Ignore lets the pod go',
    run: async (api) => {
      await api.runPod('a');
      await startWebhook(api, { status: 500, registration: { failurePolicy: 'Ignore' } });
      return (await api.evict('a')).body.status;
    },
    expected: 'Success',
  },
  {
    name: 'one whose certificate nobody vouches for is not asked',
    run: async (api) => {
      const { asked } = await startWebhook(api, { isForeign: true });
      const { code, body } = await api.evict('a');
      return [asked.length, code, body.reason, body.message.replace(/: (tls: )?[^:]*(certificate|x509).*$/, ': …')];
    },
    expected: [
      0,
      500,
      'InternalError',
      `Internal error occurred: ${failed}: failed to call webhook: Post "https://<address>/eviction?timeout=10s": …`,
    ],
  },
  {
    name: 'one that does not answer in time',
    run: async (api) => {
      await startWebhook(api, {
        registration: { timeoutSeconds: 1 },
        // Only what is no probe gets no answer.
        respond: ({ name }) => (name === 'a' ? new Promise(() => undefined) : DENIED),
      });
      return told(await api.evict('a'));
    },
    expected: {
      code: 500,
      reason: 'InternalError',
      message: `Internal error occurred: ${failed}: failed to call webhook: Post "https://<address>/eviction?timeout=1s": context deadline exceeded`,
      details: {
        causes: [
          {
            message: `${failed}: failed to call webhook: Post "https://<address>/eviction?timeout=1s": context deadline exceeded`,
          },
        ],
      },
    },
  },
  {
    name: 'one that answers another review is not believed',
    run: async (api) => {
      await startWebhook(api, { respond: ({ name }) => (name === 'a' ? { ...DENIED, uid: 'other' } : DENIED) });
      const { code, body } = await api.evict('a');
      return [code, body.message.replace(/response\.uid="[^"]*"/, 'response.uid="…"')];
    },
    expected: [
      500,
      `Internal error occurred: ${failed}: received invalid webhook response: expected response.uid="…", got "other"`,
    ],
  },
  {
    name: 'other namespaces, other labels and other operations are not asked about',
    run: async (api) => {
      const { asked } = await startWebhook(api, {
        registration: { objectSelector: { matchExpressions: [{ key: 'skip', operator: 'DoesNotExist' }] } },
      });
      await api.createPod('a');
      await api.call('DELETE', `${api.path('pods/a')}?gracePeriodSeconds=0`);
      const skipped = await api.evict('a', { metadata: { labels: { skip: 'me' } } });
      return [skipped.code, asked.length];
    },
    expected: [404, 0],
  },
];
