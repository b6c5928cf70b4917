import type { ApiClient } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';

export interface DaemonSetOptions {
  readonly namespace: string;
  readonly name: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  /** Of its pods, beside the label that it knows them by. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** A DaemonSet on the nodes of a pool. Does not wait. */
export async function createDaemonSet(client: ApiClient, options: DaemonSetOptions): Promise<void> {
  const { namespace, name, nodeSelector } = options;
  const own = { daemon: name };
  const labels = { ...options.labels, ...own };
  const spec = { nodeSelector, terminationGracePeriodSeconds: 0, containers: [{ name, image: 'example.com/agent:1' }] };
  const body = {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { namespace, name },
    spec: { selector: { matchLabels: own }, template: { metadata: { labels }, spec } },
  };
  await client.json({ method: 'POST', path: `/apis/apps/v1/namespaces/${namespace}/daemonsets`, body });
}

/** Lets a pod end Succeeded, as a kubelet would report it, at some time past. */
export async function endPod(
  client: ApiClient,
  { namespace, name, at }: { namespace: string; name: string; at: Date },
): Promise<void> {
  const finishedAt = at.toISOString().replace(/\.\d+Z$/, 'Z');
  const terminated = { exitCode: 0, reason: 'Completed', startedAt: finishedAt, finishedAt };
  const status = {
    phase: 'Succeeded',
    containerStatuses: [
      { name: 'plain', image: 'x', imageID: '', ready: false, restartCount: 0, started: false, state: { terminated } },
    ],
  };
  await client.json({
    method: 'PATCH',
    path: `${podPath(namespace, name)}/status`,
    contentType: 'application/merge-patch+json',
    body: { status },
  });
}
