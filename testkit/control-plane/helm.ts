/** Helm in both of its versions, built from the pinned Go modules like the control plane. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { AssetsUnavailable, type EnsureOptions, missingIn } from './assets.ts';
import type { ControlPlane } from './control-plane.ts';
import { type BinarySet, buildMissing, cacheFolder, goTrouble } from './go-build.ts';
import type { KubectlResult } from './kubectl.ts';

/** Absolute paths of the two executables. */
export interface HelmAssets {
  readonly helm3: string;
  readonly helm4: string;
}

const helmSet: BinarySet = {
  name: 'helm',
  binaries: [
    { name: 'helm3', module: 'helm', main: 'helm.sh/helm/v3/cmd/helm' },
    { name: 'helm4', module: 'helm', main: 'helm.sh/helm/v4/cmd/helm' },
  ],
  time: 'about 3 minutes',
};

/**
 * Returns the binaries, and builds them first if they are missing.
 * @throws AssetsUnavailable if there is no Go to build them with.
 */
export async function ensureHelm(options: EnsureOptions = {}): Promise<HelmAssets> {
  const folder = cacheFolder(helmSet);
  if (missingIn(folder, helmSet.binaries).length > 0) {
    const trouble = goTrouble(helmSet);
    if (trouble !== undefined) throw new AssetsUnavailable(trouble);
    await buildMissing(options.log ?? (() => {}), options.signal, helmSet);
  }
  return { helm3: join(folder, 'helm3'), helm4: join(folder, 'helm4') };
}

/** Runs one of them, by default without a cluster. A non-zero exit code is a result. */
export function runHelm(file: string, args: readonly string[], controlPlane?: ControlPlane): Promise<KubectlResult> {
  const home = controlPlane?.dir ?? '/nowhere';
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    // Avoids the user's settings and plugins.
    HELM_CACHE_HOME: join(home, 'helm-cache'),
    HELM_CONFIG_HOME: join(home, 'helm-config'),
    HELM_DATA_HOME: join(home, 'helm-data'),
    KUBECONFIG: controlPlane?.kubeconfigPath ?? '/nowhere/kubeconfig',
  };
  return new Promise((resolve) => {
    execFile(file, [...args], { env, maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr });
    });
  });
}
