import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { NotYet, until } from '../../testkit/until.ts';
import type { Context } from '../support/context.ts';
import { SERVICE_ACCOUNT } from '../support/flags.ts';
import type { ApiAccess, World } from '../support/world.ts';

const PORT = 8443;

export const isReferenceNamed = () => Boolean(process.env.REFERENCE_HOOK);

/** Starts the executable that REFERENCE_HOOK names, as in a pod; resolves to the port that it listens on. */
export async function startReference(context: Context, { kubeconfigPath, access }: World): Promise<number> {
  const executable = process.env.REFERENCE_HOOK ?? '';
  context.progress('starting the other hook');
  context.defer(await writeServiceAccount(SERVICE_ACCOUNT, access));
  const child = spawn(executable, [], {
    env: {
      ...inClusterEnv(access.server),
      PATH: process.env.PATH,
      KUBECONFIG: kubeconfigPath,
      TLS_CERT_FILE: context.files.certFile,
      TLS_KEY_FILE: context.files.keyFile,
    },
    stdio: 'ignore',
  });
  const failed = once(child, 'error').then(([error]) => {
    throw new Error(`REFERENCE_HOOK could not be started: ${(error as Error).message}`);
  });
  const atExit = () => child.kill('SIGKILL');
  process.once('exit', atExit);
  context.defer(async () => {
    process.off('exit', atExit);
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  const listening = until('REFERENCE_HOOK to listen on port 8443', () => reachable(PORT), { signal: context.signal });
  await Promise.race([failed, listening]);
  return PORT;
}

/** Where a pod finds the API server: client-go's in-cluster configuration reads nothing else for it. */
export function inClusterEnv(server: string) {
  const { hostname, port } = new URL(server);
  return { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port === '' ? '443' : port };
}

/**
 * Writes the files that a kubelet mounts into a pod; call what it resolves to for their removal. Rejects if one is there
 * already: it would be that of a pod in which this runs.
 */
export async function writeServiceAccount(folder: string, { token, caData }: ApiAccess): Promise<() => Promise<void>> {
  const files = { token, 'ca.crt': caData, namespace: 'default' };
  const written: string[] = [];
  try {
    const made = await mkdir(folder, { recursive: true });
    if (made !== undefined) written.push(made);
    for (const [name, content] of Object.entries(files)) {
      const file = join(folder, name);
      await writeFile(file, content, { flag: 'wx', mode: 0o600 });
      written.push(file);
    }
  } catch (error) {
    await removeAll(written);
    throw new Error(`REFERENCE_HOOK needs a ServiceAccount in ${folder}: ${(error as Error).message}`);
  }
  return () => removeAll(written);
}

async function removeAll(paths: readonly string[]): Promise<void> {
  for (const path of paths.toReversed()) await rm(path, { recursive: true, force: true });
}

async function reachable(port: number): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
  } catch (error) {
    throw new NotYet('nothing listens there', { cause: error });
  } finally {
    socket.destroy();
  }
}
