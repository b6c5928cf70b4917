import { listPods } from '../../../testkit/pods.ts';
import { NotYet, until } from '../../../testkit/until.ts';
import { DAEMON_APP } from '../checks.ts';
import type { Play } from '../play.ts';

/**
 * Creates a DaemonSet, and a backup Job that wants to be on that node. The Job has the labels that Couchbase's operator gives
 * it: those of a member except `couchbase_server`. Resolves when their pods on that node are Ready.
 */
export async function addDaemonAndJob(play: Play, node: string): Promise<void> {
  const { patienceMs, signal } = play.options;
  const { nodeSelector, cluster } = play.place;
  const container = { name: 'plain', image: 'registry.k8s.io/pause:3.10' };
  const pod = { automountServiceAccountToken: false, terminationGracePeriodSeconds: 1, containers: [container] };
  const create = (group: string, kind: string, name: string, spec: object) =>
    play.client.json({
      method: 'POST',
      path: `/apis/${group}/namespaces/${play.namespace}/${kind.toLowerCase()}s`,
      body: { apiVersion: group, kind, metadata: { namespace: play.namespace, name }, spec },
    });
  const labels = { app: DAEMON_APP };
  await create('apps/v1', 'DaemonSet', DAEMON_APP, {
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { ...pod, nodeSelector } },
  });
  const here = { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] };
  const required = { nodeSelectorTerms: [here] };
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: required };
  await create('batch/v1', 'Job', 'backup', {
    template: {
      metadata: { labels: { app: 'couchbase', couchbase_cluster: cluster } },
      spec: { ...pod, restartPolicy: 'Never', affinity: { nodeAffinity } },
    },
  });
  const ready = async () => {
    const pods = (await listPods(play.client, play.namespace)).filter((one) => one.node === node && one.ready);
    const missing = ['backup-', `${DAEMON_APP}-`].filter((prefix) => !pods.some(({ name }) => name.startsWith(prefix)));
    if (missing.length > 0) throw new NotYet(`no ${missing.join(' and ')}`);
  };
  await until(`the pods of a DaemonSet and of a Job on ${node}`, ready, { timeoutMs: patienceMs, signal });
}
