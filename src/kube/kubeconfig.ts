import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { parse } from 'yaml';
import { pluginConfigs, preparePlugin, withOwnCommand } from './exec-plugins.ts';

/**
 * Finds the cluster as kubectl does: `KUBECONFIG`, else `~/.kube/config`, else the ServiceAccount of the hook's pod.
 * `context` replaces the current context. Throws an Error that names the fix if it finds no cluster; the library would
 * fall back to localhost:8080.
 */
export function loadKubeConfig(env: NodeJS.ProcessEnv, context?: string): KubeConfig {
  const named = env.KUBECONFIG?.split(delimiter).filter((file) => file !== '') ?? [];
  const defaultFile = join(env.HOME ?? homedir(), '.kube', 'config');
  const config = new KubeConfig();
  const pluginConfig = new Map<string, unknown>();
  if (named.length > 0) loadFiles(config, named, pluginConfig);
  else if (hasContent(defaultFile)) loadFiles(config, [defaultFile], pluginConfig);
  else if (env.KUBERNETES_SERVICE_HOST !== undefined) config.loadFromCluster();
  else throw new Error(`no cluster: set KUBECONFIG, or create ${defaultFile}, or run in a pod with a ServiceAccount`);
  if (context !== undefined) {
    if (config.getContextObject(context) === null) throw new Error(`the kubeconfig has no context "${context}"`);
    config.setCurrentContext(context);
  }
  if (config.getCurrentCluster() === null) {
    throw new Error(
      'the kubeconfig has no current context with a cluster: set one with kubectl config use-context NAME',
    );
  }
  preparePlugin(config, pluginConfig);
  return config;
}

/** Reads a list of files as kubectl does: skips missing and empty files, and the first file that sets a value wins. */
function loadFiles(config: KubeConfig, files: readonly string[], pluginConfig: Map<string, unknown>): void {
  const found = files.filter((file) => existsSync(file));
  if (found.length === 0) throw new Error(`KUBECONFIG is ${files.join(delimiter)}, and there is no such file`);
  const [first, ...rest] = found.filter(hasContent);
  if (first === undefined) return;
  loadFile(config, first, pluginConfig);
  for (const file of rest) {
    const other = new KubeConfig();
    loadFile(other, file, pluginConfig);
    other.clusters = other.clusters.filter(({ name }) => config.getCluster(name) === null);
    other.users = other.users.filter(({ name }) => config.getUser(name) === null);
    other.contexts = other.contexts.filter(({ name }) => config.getContextObject(name) === null);
    config.mergeConfig(other, Boolean(config.currentContext));
  }
}

/**
 * Reads one file, with the `tokenFile` of its users. The library does not know this field: it takes only `token-file`,
 * and reads that once. As in kubectl, `tokenFile` takes precedence over `token`, and the hook reads it again and again.
 */
function loadFile(config: KubeConfig, file: string, pluginConfig: Map<string, unknown>): void {
  // Once, because the file may be a pipe.
  const text = readFileSync(file, 'utf-8');
  understood(file, () => config.loadFromString(text));
  config.makePathsAbsolute(dirname(file));
  const { users, clusters } = parse(text) as RawConfig;
  for (const [name, value] of pluginConfigs(clusters)) if (!pluginConfig.has(name)) pluginConfig.set(name, value);
  const tokenFiles = new Map(users?.map(({ name, user }) => [name, user?.tokenFile]));
  config.users = config.users.map((one) => {
    const user = withOwnCommand(one, file);
    const tokenFile = tokenFiles.get(user.name);
    if (tokenFile === undefined || tokenFile === '') return user;
    const { token: _token, ...rest } = user;
    return { ...rest, authProvider: { name: 'tokenFile', config: { tokenFile: resolve(dirname(file), tokenFile) } } };
  });
}

/** Whether there is more in it than comments. A pipe can be read only once, so it is not looked into. */
function hasContent(file: string): boolean {
  if (!existsSync(file)) return false;
  return !statSync(file).isFile() || understood(file, () => parse(readFileSync(file, 'utf-8'))) !== null;
}

/** What a parser says of a text does not name the file. */
function understood<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new Error(`the kubeconfig ${file} is not understood: ${why}`, { cause: error });
  }
}

interface RawConfig {
  readonly users?: readonly RawUser[] | null;
  readonly clusters?: Parameters<typeof pluginConfigs>[0];
}

interface RawUser {
  readonly name?: string;
  readonly user?: { readonly tokenFile?: string } | null;
}
