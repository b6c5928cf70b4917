/** `npm run cluster:up`: a control plane in the foreground, for as long as this process runs. */
import { constants, copyFileSync, existsSync, renameSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileName, helpOf, readArguments, UsageError, value, whole } from '../../src/command-line.ts';
import { AssetsUnavailable } from './assets.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { BuildFailed } from './go-build.ts';
import { ComponentFailed } from './supervisor.ts';
import { DEFAULT_KUBERNETES } from './versions.ts';

const UP = {
  name: 'npm run cluster:up --',
  about:
    'Starts a real control plane (etcd, kube-apiserver, kube-scheduler, kube-controller-manager) with simulated worker nodes on loopback ports, and stays in the foreground. Ctrl-C or SIGTERM ends it and removes every file it made. The first call builds the binaries (see npm run cluster:build).',
  options: {
    nodes: value('--nodes <N>', 'worker nodes, 1 to 100', whole(1, 100), 3),
    kubeconfig: value(
      '--write-kubeconfig <FILE>',
      "write an administrator's kubeconfig there once all is ready; removed at the end. FILE must not exist yet",
      fileName,
    ),
  },
  notes: `
Environment:
  TEST_KUBERNETES     the minor version of Kubernetes (default: ${DEFAULT_KUBERNETES})
  KUBEBUILDER_ASSETS  use the binaries in this folder and build nothing
  KEEP_CLUSTER_LOGS   keep the logs when a component fails
`,
};

function readFlags() {
  const { kubeconfig, ...flags } = readArguments(UP, process.argv.slice(2)).options;
  if (kubeconfig !== undefined) checkTarget(kubeconfig);
  return { ...flags, kubeconfig: kubeconfig === undefined ? undefined : resolve(kubeconfig) };
}

/** Checks this before a build that may take minutes. */
function checkTarget(path: string): void {
  // The program removes the file at the end, so it must not be an existing one.
  if (existsSync(path)) throw new UsageError(`--write-kubeconfig: ${path} exists already; name a new file`);
  if (!statSync(dirname(resolve(path)), { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`--write-kubeconfig: the folder ${dirname(resolve(path))} does not exist`);
  }
}

/** The file appears whole or not at all. */
function writeKubeconfig(plane: ControlPlane, path: string): void {
  const beside = `${path}.${process.pid}`;
  plane.removeAtStop(beside);
  copyFileSync(plane.kubeconfigPath, beside, constants.COPYFILE_EXCL); // with its mode, 0600
  plane.removeAtStop(path);
  renameSync(beside, path);
}

function printUse(plane: ControlPlane, kubeconfig: string): void {
  console.log(`
The control plane is up: ${plane.server}, nodes ${plane.nodes.join(', ')}

  export KUBECONFIG=${kubeconfig}
  alias kubectl=${plane.assets.kubectl}
  kubectl get nodes

Logs: ${plane.dir}
Ctrl-C ends it.`);
}

async function main(): Promise<number> {
  const flags = readFlags();
  if (flags.help) {
    process.stdout.write(helpOf(UP));
    return 0;
  }

  const stopping = new AbortController();
  const stopAsked = new Promise<void>((resolve) => stopping.signal.addEventListener('abort', () => resolve()));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

  let plane: ControlPlane | undefined;
  // A pending promise alone does not keep Node running.
  const alive = setInterval(() => {}, 60_000);
  try {
    plane = await startControlPlane({ nodes: flags.nodes, log: (line) => console.log(line), signal: stopping.signal });
    if (flags.kubeconfig !== undefined) writeKubeconfig(plane, flags.kubeconfig);
    printUse(plane, flags.kubeconfig ?? plane.kubeconfigPath);
    const failure = await Promise.race([stopAsked, plane.failed]);
    if (failure !== undefined) throw failure;
    console.log('stopping');
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) return 0;
    throw error;
  } finally {
    await plane?.stop();
    clearInterval(alive);
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const expected = [UsageError, AssetsUnavailable, BuildFailed, ComponentFailed].some((kind) => error instanceof kind);
  console.error('cluster:up:', expected ? (error as Error).message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
