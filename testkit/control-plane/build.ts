/** `npm run cluster:build`: builds the binaries of the control plane and Helm, or prints where they are. */
import { dirname } from 'node:path';
import { helpOf, readArguments, UsageError, value } from '../../src/command-line.ts';
import { AssetsUnavailable, ensureAssets } from './assets.ts';
import { BuildFailed } from './go-build.ts';
import { ensureHelm } from './helm.ts';
import { chosenKubernetes, DEFAULT_KUBERNETES, readVersions } from './versions.ts';

const BUILD = {
  name: 'npm run cluster:build --',
  about:
    "Builds etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubectl and kwok, and Helm 3 and 4, from the Go modules pinned in testkit/control-plane/tools/ into the user's cache folder. About 11 minutes on two cores the first time; a second call takes a second. An interrupted build continues where it stopped.",
  options: {
    kubernetes: value(
      '--kubernetes <VERSION>',
      `which Kubernetes: a minor version, or all, which takes some 8 minutes each (default: ${DEFAULT_KUBERNETES})`,
      readVersions,
    ),
  },
  notes: `
Environment:
  KUBEBUILDER_ASSETS  use the control plane in this folder, and build only Helm
  XDG_CACHE_HOME      where the cache is (default: ~/.cache)
`,
};

async function main(): Promise<number> {
  const { help, kubernetes = [chosenKubernetes()] } = readArguments(BUILD, process.argv.slice(2)).options;
  if (help) {
    process.stdout.write(helpOf(BUILD));
    return 0;
  }
  const stopping = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stopping.abort());
  try {
    const options = { log: (line: string) => console.log(line), signal: stopping.signal };
    for (const version of kubernetes) {
      const assets = await ensureAssets({ ...options, kubernetes: version });
      console.log(`ready: Kubernetes ${version}: ${dirname(assets.kubeApiserver)}`);
    }
    console.log(`ready: Helm: ${dirname((await ensureHelm(options)).helm3)}`);
    return 0;
  } catch (error) {
    if (stopping.signal.aborted) {
      console.error('cluster:build: interrupted; the next call continues');
      return 130;
    }
    if (!(error instanceof AssetsUnavailable || error instanceof BuildFailed)) throw error;
    console.error(`cluster:build: ${error.message}`);
    return 1;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`cluster:build: ${error.message}`);
  process.exitCode = 2;
}
