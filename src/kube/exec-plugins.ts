import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Cluster, KubeConfig, User } from '@kubernetes/client-node';

/** The `exec` of a user in a kubeconfig: a program that returns credentials. */
interface ExecPlugin {
  readonly command?: string;
  readonly apiVersion?: string;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly provideClusterInfo?: boolean;
  /** What the user of a machine without the program has to do. */
  readonly installHint?: string;
}

/** The name of the extension of a cluster that its `exec` plugins get as `config`. */
const EXTENSION = 'client.authentication.k8s.io/exec';

interface RawCluster {
  readonly name?: string;
  readonly cluster?: {
    readonly extensions?: readonly { readonly name?: string; readonly extension?: unknown }[] | null;
  } | null;
}

/** What each cluster of a kubeconfig has for its plugins, by the name of the cluster. */
export function pluginConfigs(clusters: readonly RawCluster[] | null | undefined): (readonly [string, unknown])[] {
  return (clusters ?? []).flatMap(({ name, cluster }) => {
    const found = cluster?.extensions?.find((extension) => extension.name === EXTENSION)?.extension;
    return name === undefined || found === undefined ? [] : [[name, found] as const];
  });
}

/** As in kubectl, a command with a slash is relative to its kubeconfig, and any other is looked for in PATH. */
export function withOwnCommand(user: User, file: string): User {
  const exec = user.exec as ExecPlugin | null | undefined;
  if (!exec?.command?.includes('/')) return user;
  return { ...user, exec: { ...exec, command: resolve(dirname(file), exec.command) } };
}

/**
 * Gives the plugin of the current user what kubectl gives it: the version that it has to answer in, and the cluster if it
 * asks for that. If the program is not there, the error has its `installHint`. The library does none of this.
 */
export function preparePlugin(config: KubeConfig, pluginConfig: ReadonlyMap<string, unknown>): void {
  const user = config.getCurrentUser();
  const cluster = config.getCurrentCluster();
  const exec = user?.exec as ExecPlugin | null | undefined;
  if (!user || !cluster || !exec) return;
  const info = { name: 'KUBERNETES_EXEC_INFO', value: execInfo(exec, cluster, pluginConfig.get(cluster.name)) };
  const prepared = { ...user, exec: { ...exec, env: [...(exec.env ?? []), info] } };
  config.users = config.users.map((one) => (one === user ? prepared : one));
  const apply = config.applyToHTTPSOptions.bind(config);
  config.applyToHTTPSOptions = async (options) => {
    try {
      await apply(options);
    } catch (error) {
      throw isMissing(error) ? missing(exec, error) : error;
    }
  };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/#input-and-output-formats */
function execInfo(exec: ExecPlugin, cluster: Cluster, config: unknown): string {
  const about = {
    server: cluster.server,
    'tls-server-name': cluster.tlsServerName,
    'insecure-skip-tls-verify': cluster.skipTLSVerify || undefined,
    'certificate-authority-data': authorityOf(cluster),
    'proxy-url': cluster.proxyUrl,
    config,
  };
  const spec = { interactive: false, ...(exec.provideClusterInfo === true && { cluster: about }) };
  return JSON.stringify({ apiVersion: exec.apiVersion, kind: 'ExecCredential', spec });
}

/** A plugin gets the content of the file, because it may run in another directory. */
function authorityOf({ caData, caFile }: Cluster): string | undefined {
  return caData || (caFile ? readFileSync(caFile).toString('base64') : undefined);
}

function isMissing(error: unknown): boolean {
  const { code, syscall } = error as { readonly code?: string; readonly syscall?: string };
  return code === 'ENOENT' && syscall?.startsWith('spawn') === true;
}

function missing({ command, installHint = '' }: ExecPlugin, cause: unknown): Error {
  const hint = installHint.trim().replaceAll(/\s+/g, ' ');
  return new Error(`the kubeconfig wants the program ${command}, which is not there${hint && `: ${hint}`}`, { cause });
}
