import { UsageError } from '../../../src/command-line.ts';
import { describeError } from '../../../src/kube/errors.ts';
import { loadKubeConfig } from '../../../src/kube/kubeconfig.ts';
import { readProxyEnvironment } from '../../../src/kube/proxy-environment.ts';
import { type Connected, connectBy } from '../../../testkit/connect.ts';

export interface ClusterContext {
  /** A context of the kubeconfig. */
  readonly context: string;
  /** Absent: as kubectl finds it. */
  readonly kubeconfig?: string;
  /** The name of the registration of the hook. Absent: of the only one. */
  readonly installation?: string;
}

const ANSWER_WITHIN_MS = 10_000;

/** A client for that context. Throws a UsageError if there is no such context, or if the cluster does not answer. */
export async function connectTo({ context, kubeconfig }: ClusterContext, env: NodeJS.ProcessEnv): Promise<Connected> {
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

/** Runs what only reads a cluster before anything is written. Whatever fails there becomes a UsageError. */
export async function readFirst<T>(
  { context }: ClusterContext,
  signal: AbortSignal,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the cluster of context "${context}" cannot be looked at: ${describeError(error)}`, {
      cause: error,
    });
  }
}
