import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../../src/kube/client.ts';
import { podPath } from '../../../src/kube/paths.ts';
import type { HookProcess } from '../../../testkit/hook-process.ts';

/** A process that stands for the container of a Pod, which nobody runs here. */
export interface ReplicaPodOptions {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly name: string;
  readonly serviceAccount: string;
}

export interface ReplicaPod {
  /** From now on its condition Ready is what /readyz of this process says. */
  probe(hook: HookProcess): void;
  /** Deletes it, as the kubelet does when its container has ended. */
  remove(): Promise<void>;
  /** Ends the probes, and leaves the Pod. */
  stop(): Promise<void>;
}

const PROBE_EVERY_MS = 250;

/** The Pod of a replica, which no scheduler and no other kubelet looks at. */
export async function createReplicaPod(options: ReplicaPodOptions): Promise<ReplicaPod> {
  const { client, namespace, name, serviceAccount } = options;
  const securityContext = {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  };
  const spec = {
    schedulerName: 'nobody',
    serviceAccountName: serviceAccount,
    automountServiceAccountToken: false,
    containers: [{ name: 'hook', image: 'hook', securityContext }],
  };
  const path = podPath(namespace, name);
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
  await client.json({ method: 'POST', path: path.slice(0, path.lastIndexOf('/')), body });
  const over = new AbortController();
  let probing = Promise.resolve();
  let isReady: boolean | undefined;
  const report = async (next: boolean) => {
    const lastTransitionTime = new Date().toISOString().replace(/\.\d+/, '');
    const condition = { type: 'Ready', status: next ? 'True' : 'False', lastTransitionTime };
    const contentType = 'application/strategic-merge-patch+json';
    const status = { phase: 'Running', conditions: [condition] };
    await client.json({ method: 'PATCH', path: `${path}/status`, contentType, body: { status } });
    isReady = next;
  };
  return {
    probe(hook) {
      probing = (async () => {
        while (!over.signal.aborted) {
          const next = await fetch(`${hook.healthUrl}/readyz`).then(
            ({ ok }) => ok,
            () => false,
          );
          // An API server that is away for a test, or a Pod that is gone: it is tried again.
          if (next !== isReady) await report(next).catch(() => undefined);
          await sleep(PROBE_EVERY_MS);
        }
      })();
    },
    async remove() {
      over.abort();
      await probing;
      await client.json({ method: 'DELETE', path, query: { gracePeriodSeconds: 0 } });
    },
    async stop() {
      over.abort();
      await probing;
    },
  };
}
