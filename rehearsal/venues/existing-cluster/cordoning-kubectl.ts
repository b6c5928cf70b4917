import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiClient } from '../../../src/kube/client.ts';
import type { Cleanup } from '../../../testkit/cleanup.ts';
import type { Drainer } from '../../drainers/drainer.ts';
import { kubectlDrainer } from '../../drainers/kubectl.ts';
import type { ClusterContext } from './connection.ts';
import { cordon, uncordon } from './node-cordon.ts';
import { RUN_LABEL } from './stand-ins.ts';

export interface CordoningKubectlOptions {
  readonly client: ApiClient;
  readonly cluster: ClusterContext;
  /** The kubectl to run. */
  readonly kubectl: string;
  /** Credentials may come from a program that needs its environment. */
  readonly env: NodeJS.ProcessEnv;
  /** The namespace of the rehearsal. */
  readonly run: string;
  readonly cleanup: Cleanup;
}

/**
 * The administrator's own kubectl, for nothing but the pods of this rehearsal. It cordons the node before, with an annotation
 * that says whose cordon it is, so that the cleanup takes back its own cordon and no other.
 */
export function cordoningKubectl({ client, cluster, kubectl, env, run, cleanup }: CordoningKubectlOptions): Drainer {
  const { context, kubeconfig } = cluster;
  return {
    name: 'kubectl drain',
    voice: 'kubectl',
    async drain(request) {
      request.signal?.throwIfAborted();
      cleanup.defer(() => uncordon(client, request.node, run));
      await cordon(client, request.node, run);
      const homeDir = await mkdtemp(join(tmpdir(), 'reschedule-hook-rehearsal-'));
      cleanup.defer(() => rm(homeDir, { recursive: true, force: true }));
      const drainer = kubectlDrainer({
        kubectl,
        homeDir,
        env,
        ...(kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig }),
        args: [`--context=${context}`, `--pod-selector=${RUN_LABEL}=${run}`],
      });
      const code = await drainer.drain(request);
      request.signal?.throwIfAborted();
      return code;
    },
  };
}
