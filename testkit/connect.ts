import { KubeConfig } from '@kubernetes/client-node';
import { systemClock } from '../src/async/system-clock.ts';
import { CALL_CLASSES, type Shares } from '../src/kube/call-class.ts';
import { type ApiClient, createApiClient } from '../src/kube/client.ts';
import { openConnection, type ProxyEnvironment } from '../src/kube/connection.ts';

export interface Connected {
  readonly client: ApiClient;
  close(): Promise<void>;
}

/**
 * A client for the cluster of a kubeconfig file; it ignores this process's environment. Its writes carry
 * `fieldManager`, because its user agent alone would make them look like the hook's.
 */
export async function connect(kubeconfigPath: string, fieldManager = 'rehearsal'): Promise<Connected> {
  const load = () => {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfigPath);
    return config;
  };
  return connectBy(load, fieldManager);
}

/** Many scenes share one client, and each has watches of its own. */
const MANY_OF_EACH = Object.fromEntries(
  CALL_CLASSES.map((name) => [name, { connections: 64, waiting: 100_000 }]),
) as unknown as Shares;

/** The same for any kubeconfig. Throws what `load` throws. */
export async function connectBy(
  load: () => KubeConfig,
  fieldManager = 'rehearsal',
  proxies: ProxyEnvironment = {},
): Promise<Connected> {
  const connection = await openConnection(load, systemClock, proxies, { shares: MANY_OF_EACH });
  const client = createApiClient(connection, systemClock);
  return { client: managedBy(client, fieldManager), close: () => connection.close() };
}

/** The same client with another field manager. */
export function managedBy(client: ApiClient, fieldManager: string): ApiClient {
  return {
    json: (call) => {
      const isWrite = call.method === 'POST' || call.method === 'PUT' || call.method === 'PATCH';
      return client.json(isWrite ? { ...call, query: { fieldManager, ...call.query } } : call);
    },
    stream: (call) => client.stream(call),
  };
}
