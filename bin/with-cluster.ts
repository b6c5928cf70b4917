import { systemClock } from '../src/async/system-clock.ts';
import { UsageError } from '../src/command-line.ts';
import { ConfigError } from '../src/config/config.ts';
import { createApiClient } from '../src/kube/client.ts';
import { openConnection } from '../src/kube/connection.ts';
import { describeError } from '../src/kube/errors.ts';
import { loadKubeConfig } from '../src/kube/kubeconfig.ts';
import { readProxyEnvironment } from '../src/kube/proxy-environment.ts';
import { clockOf, ServerTime } from '../src/kube/server-time.ts';
import type { StatusWorld } from '../src/status/command.ts';
import type { Call } from './command.ts';

/** What every command that reads a cluster gets. */
export interface ClusterWorld extends Omit<StatusWorld, 'env' | 'readFile'> {
  /** Of the context of the kubeconfig. */
  readonly contextNamespace?: string | undefined;
}

/**
 * For a command that reads a cluster: opens the connection, and closes it afterwards. `env` names the kubeconfig, `context`
 * one of its contexts. Resolves to what `act` resolves to; to 2 if there is no cluster, or `act` throws.
 */
export async function withCluster(
  { program }: Call,
  { env, context }: { readonly env: NodeJS.ProcessEnv; readonly context?: string | undefined },
  act: (world: ClusterWorld) => Promise<number>,
): Promise<number> {
  const complain = (line: string) => void process.stderr.write(`${program.name}: ${line}\n`);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  // Whoever reads has seen enough, as `head` does.
  process.stdout.on('error', () => stop.abort());
  try {
    let contextNamespace: string | undefined;
    const load = () => {
      const config = loadKubeConfig(env, context);
      contextNamespace = config.getContextObject(config.getCurrentContext())?.namespace;
      return config;
    };
    const connection = await openConnection(load, systemClock, readProxyEnvironment(env));
    const time = new ServerTime(systemClock);
    try {
      return await act({
        client: createApiClient(connection, systemClock, { onCall: (call) => time.onCall(call) }),
        clock: clockOf(time, systemClock),
        random: Math.random,
        print: (text) => void process.stdout.write(text),
        isTerminal: process.stdout.isTTY === true,
        isColoured: process.stdout.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb',
        complain,
        stop: stop.signal,
        contextNamespace,
      });
    } finally {
      // An open connection would keep the process.
      await connection.close();
    }
  } catch (error) {
    if (error instanceof UsageError || error instanceof ConfigError) throw error;
    complain(describeError(error));
    return 2;
  }
}
