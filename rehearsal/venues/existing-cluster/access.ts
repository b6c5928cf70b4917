import { describeError } from '../../../src/kube/errors.ts';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { readProxyEnvironment } from '../../../src/kube/proxy-environment.ts';
import { type Connected, connectBy } from '../../../testkit/connect.ts';
import { UsageError } from '../../usage-error.ts';
import type { ClusterFlags } from './flags.ts';

const ANSWER_WITHIN_MS = 10_000;

/** A client for that context of the kubeconfig. UsageError where there is none, or where the cluster does not answer. */
export async function access({ context, kubeconfig }: ClusterFlags, env: NodeJS.ProcessEnv): Promise<Connected> {
  const where = kubeconfig === undefined ? env : { ...env, KUBECONFIG: kubeconfig };
  const load = () => loadKubeConfig(where, context);
  const connected = await connectBy(load, 'rehearsal', readProxyEnvironment(env)).catch((error: unknown) => {
    throw new UsageError(describeError(error), { cause: error });
  });
  try {
    await connected.client.json({ method: 'GET', path: '/version', signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    return connected;
  } catch (error) {
    await connected.close();
    throw new UsageError(`the cluster of context "${context}" does not answer: ${describeError(error)}`, {
      cause: error,
    });
  }
}

/** Runs what only looks at a cluster before anything is written. Whatever fails there is a UsageError. */
export async function lookAt<T>({ context }: ClusterFlags, signal: AbortSignal, look: () => Promise<T>): Promise<T> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the cluster of context "${context}" cannot be looked at: ${describeError(error)}`, {
      cause: error,
    });
  }
}
