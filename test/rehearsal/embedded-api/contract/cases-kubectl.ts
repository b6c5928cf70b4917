import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Api, Case } from './contract.ts';
import { startWebhook } from './webhook.ts';

const run = promisify(execFile);

/** Runs kubectl and gives its exit code and what it said, both streams in the order of their lines. */
async function kubectl(
  api: Api,
  ...args: readonly string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { kubectl: file = 'kubectl', kubeconfigPath, dir } = api.subject;
  const env = { KUBECONFIG: kubeconfigPath, HOME: dir, KUBECACHEDIR: join(dir, 'kubectl-cache'), KUBERC: 'off' };
  try {
    return { code: 0, ...(await run(file, ['--namespace', api.namespace, ...args], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

/** A node of the case's own, so that nothing else is drained. */
async function addNode(api: Api, name: string): Promise<void> {
  const { body } = await api.call('GET', `/api/v1/nodes/${api.subject.nodes[0]}`);
  const labels = { ...body.metadata.labels, 'kubernetes.io/hostname': name, pool: api.namespace };
  const { capacity, allocatable } = body.status;
  await api.call('POST', '/api/v1/nodes', { body: { metadata: { name, labels }, status: { capacity, allocatable } } });
  api.atEnd(() => api.call('DELETE', `/api/v1/nodes/${name}`));
  await api.until(async () => {
    const { spec, status } = (await api.call('GET', `/api/v1/nodes/${name}`)).body;
    const ready = status.conditions?.find(({ type }: { type: string }) => type === 'Ready');
    return ready?.status === 'True' && spec.taints === undefined;
  });
}

/** Releases differ in the order in which they warn. */
const inOrder = (line: string) =>
  line.startsWith('Warning: ') ? `Warning: ${line.slice(9).split('; ').sort().join('; ')}` : line;

const lines = (text: string) => text.split('\n').filter((line) => line !== '');

export const KUBECTL: readonly Case[] = [
  {
    name: 'get prints columns',
    run: async (api) => {
      // By name: the scheduler might choose a node of another case, which is drained.
      await api.runPod('a', { spec: { nodeName: api.subject.nodes[0] } });
      const { stdout } = await kubectl(api, 'get', 'pods');
      const wide = await kubectl(api, 'get', 'pod/a', '--output=wide', '--no-headers');
      const json = await kubectl(api, 'get', 'pod/a', '--output=jsonpath={.kind}/{.metadata.name}');
      const none = await kubectl(api, 'get', 'pod/none');
      return [lines(stdout).map((line) => line.replace(/\s+\S+$/, '').split(/\s+/)), wide.code, json.stdout, none];
    },
    expected: [
      [
        ['NAME', 'READY', 'STATUS', 'RESTARTS'],
        ['a', '1/1', 'Running', '0'],
      ],
      0,
      'Pod/a',
      { code: 1, stdout: '', stderr: 'Error from server (NotFound): pods "none" not found\n' },
    ],
  },
  {
    name: 'cordon and uncordon, each twice; the taint follows',
    run: async (api) => {
      const node = `${api.namespace}-1`;
      await addNode(api, node);
      const said = async (verb: string) => (await kubectl(api, verb, node)).stdout.trim();
      const hasTaint = async () => (await api.call('GET', `/api/v1/nodes/${node}`)).body.spec.taints !== undefined;
      const cordoned = [await said('cordon'), await said('cordon')];
      await api.until(hasTaint);
      const { stdout } = await kubectl(api, 'get', 'node', node, '--no-headers');
      const uncordoned = [await said('uncordon'), await said('uncordon')];
      await api.until(async () => !(await hasTaint()));
      return [...cordoned, stdout.split(/\s+/)[1], ...uncordoned];
    },
    expected: [
      'node/<namespace>-1 cordoned',
      'node/<namespace>-1 already cordoned',
      'Ready,SchedulingDisabled',
      'node/<namespace>-1 uncordoned',
      'node/<namespace>-1 already uncordoned',
    ],
  },
  {
    name: 'drain: an evicted pod, a DaemonSet that stays, a refusal that is tried again',
    run: async (api) => {
      const node = `${api.namespace}-1`;
      await addNode(api, node);
      const labels = { app: 'agent' };
      const template = {
        metadata: { labels },
        spec: { nodeSelector: { pool: api.namespace }, containers: [{ name: 'c', image: 'i' }] },
      };
      const body = { metadata: { name: 'agent' }, spec: { selector: { matchLabels: labels }, template } };
      await api.call('POST', api.path('daemonsets', '/apis/apps/v1'), { body });
      await api.until(async () => (await api.call('GET', api.path('pods'))).body.items[0]?.spec.nodeName === node);
      await api.runPod('a', { spec: { nodeSelector: { pool: api.namespace } } });
      let refusals = 0;
      const denial = { code: 429, reason: 'TooManyRequests', message: 'not yet' };
      await startWebhook(api, {
        respond: ({ name }) =>
          name === 'a' && refusals++ > 0 ? { allowed: true } : { allowed: false, status: denial },
      });
      const { code, stdout, stderr } = await kubectl(api, 'drain', node, '--ignore-daemonsets', '--force');
      const said = [...lines(stdout), ...lines(stderr)].map((line) => inOrder(line.replace(/agent-\w{5}/, 'agent-…')));
      const left = (await api.call('GET', api.path('pods'))).body.items.length;
      return { code, said: [...new Set(said)].sort(), left };
    },
    expected: {
      code: 0,
      said: [
        'Warning: deleting Pods that declare no controller: <namespace>/a; ignoring DaemonSet-managed Pods: <namespace>/agent-…',
        'error when evicting pods/"a" -n "<namespace>" (will retry after 5s): admission webhook "<namespace>.contract.test" denied the request: not yet',
        'evicting pod <namespace>/a',
        'node/<namespace>-1 cordoned',
        'node/<namespace>-1 drained',
        'pod/a evicted',
      ],
      left: 1,
    },
  },
  {
    name: 'drain: a failure that is not tried again ends with code 1, and the node stays cordoned',
    run: async (api) => {
      const node = `${api.namespace}-1`;
      await addNode(api, node);
      await api.runPod('a', { spec: { nodeSelector: { pool: api.namespace } } });
      await startWebhook(api, {
        respond: () => ({ allowed: false, status: { code: 409, reason: 'Conflict', message: 'no' } }),
      });
      const { code, stderr } = await kubectl(api, 'drain', node, '--force');
      const { spec } = (await api.call('GET', `/api/v1/nodes/${node}`)).body;
      return [code, /denied the request: no/.test(stderr), spec.unschedulable];
    },
    expected: [1, true, true],
  },
  {
    name: 'drain: the dry run of the server changes nothing and prints the warnings',
    run: async (api) => {
      const node = `${api.namespace}-1`;
      await addNode(api, node);
      await api.runPod('a', { spec: { nodeSelector: { pool: api.namespace } } });
      await startWebhook(api, { respond: () => ({ allowed: true, warnings: ['would be marked'] }) });
      const { code, stderr } = await kubectl(api, 'drain', node, '--force', '--dry-run=server');
      const { spec } = (await api.call('GET', `/api/v1/nodes/${node}`)).body;
      const pod = await api.call('GET', api.path('pods/a'));
      return [
        code,
        /Warning: would be marked/.test(stderr),
        spec.unschedulable ?? false,
        pod.body.metadata.deletionTimestamp ?? 'stays',
      ];
    },
    expected: [0, true, false, 'stays'],
  },
];
