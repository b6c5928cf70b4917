/**
 * Finds the control plane's binaries: in KUBEBUILDER_ASSETS, in the cache, or by a build from the pinned Go modules.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Binary, buildMissing, cacheFolder, controlPlaneSet, goTrouble } from './go-build.ts';
import { chosenKubernetes, KUBERNETES_VARIABLE, namedKubernetes, versionTrouble } from './versions.ts';

/** Absolute paths of the six executables. */
export interface Assets {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubeScheduler: string;
  readonly kubeControllerManager: string;
  readonly kubectl: string;
  readonly kwok: string;
}

/** The result of `findAssets`: usable now, usable after a build of minutes, or not available on this machine. */
export type AssetsState =
  | { readonly state: 'ready'; readonly assets: Assets }
  | { readonly state: 'buildable'; readonly why: string }
  | { readonly state: 'unavailable'; readonly why: string };

/** The binaries are missing and cannot be built here. The message names the fix. */
export class AssetsUnavailable extends Error {
  override readonly name = 'AssetsUnavailable';
}

export interface EnsureOptions {
  /** A minor version of Kubernetes, such as 1.37. Default: the one that tests run on, or what KUBEBUILDER_ASSETS holds. */
  readonly kubernetes?: string;
  /** Receives progress, one line at a time, and at least every ten seconds during a build. */
  readonly log?: (line: string) => void;
  /** Stops a running build. Finished binaries stay. */
  readonly signal?: AbortSignal;
}

/**
 * Returns the binaries, and builds them first if they are missing (minutes the first time, milliseconds after).
 * @throws AssetsUnavailable if KUBEBUILDER_ASSETS lacks one of them or holds another version, or there is no Go to build with.
 */
export async function ensureAssets(options: EnsureOptions = {}): Promise<Assets> {
  const { kubernetes } = options;
  const found = findAssets(kubernetes);
  switch (found.state) {
    case 'ready':
      return found.assets;
    case 'unavailable':
      throw new AssetsUnavailable(found.why);
    case 'buildable': {
      const set = controlPlaneSet(kubernetes);
      await buildMissing(options.log ?? (() => {}), options.signal, set);
      return assetsIn(cacheFolder(set));
    }
  }
}

/** Looks without building. Reads the environment at every call. Never throws. */
export function findAssets(named?: string): AssetsState {
  const given = process.env.KUBEBUILDER_ASSETS;
  if (given !== undefined && given !== '') return assetsGiven(resolve(given), named ?? namedKubernetes());
  const kubernetes = named ?? chosenKubernetes();
  const unknown = versionTrouble(kubernetes);
  if (unknown !== undefined) return { state: 'unavailable', why: unknown };

  const set = controlPlaneSet(kubernetes);
  const missing = missingIn(cacheFolder(set), set.binaries);
  if (missing.length === 0) return { state: 'ready', assets: assetsIn(cacheFolder(set)) };

  const trouble = goTrouble(set);
  if (trouble === undefined) {
    const command = `npm run cluster:build -- --kubernetes ${kubernetes}`;
    return { state: 'buildable', why: `not built yet: ${namesOf(missing)}; run "${command}"` };
  }
  return {
    state: 'unavailable',
    why: `${trouble}; or set KUBEBUILDER_ASSETS to a folder that holds ${namesOf(set.binaries)}`,
  };
}

/** They are of one version, and stand for no other. Whoever names none takes what is there. */
function assetsGiven(folder: string, named: string | undefined): AssetsState {
  const assets = assetsIn(folder);
  const missing = missingIn(folder, controlPlaneSet().binaries);
  const is = `KUBEBUILDER_ASSETS is ${folder}, which`;
  if (missing.length > 0) {
    const names = namesOf(missing);
    return { state: 'unavailable', why: `${is} lacks ${names}: put them there, or unset it to have all built` };
  }
  const held = named === undefined ? named : minorIn(assets.kubeApiserver);
  if (held === named) return { state: 'ready', assets };
  const fix = `name ${held} by --kubernetes or ${KUBERNETES_VARIABLE}, or unset it to have ${named} built`;
  return { state: 'unavailable', why: `${is} holds Kubernetes ${held}, not ${named}: ${fix}` };
}

/** The minor version that an API server says of itself. One that was built without a version passes for the chosen one. */
function minorIn(kubeApiserver: string): string {
  const { stdout } = spawnSync(kubeApiserver, ['--version'], { encoding: 'utf8' });
  return /v([1-9]\d*\.\d+)\./.exec(stdout ?? '')?.[1] ?? chosenKubernetes();
}

/** The binaries that are not executable files in this folder. */
export function missingIn(folder: string, wanted: readonly Binary[]): readonly Binary[] {
  return wanted.filter(({ name }) => !isExecutable(join(folder, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function assetsIn(folder: string): Assets {
  return {
    etcd: join(folder, 'etcd'),
    kubeApiserver: join(folder, 'kube-apiserver'),
    kubeScheduler: join(folder, 'kube-scheduler'),
    kubeControllerManager: join(folder, 'kube-controller-manager'),
    kubectl: join(folder, 'kubectl'),
    kwok: join(folder, 'kwok'),
  };
}

function namesOf(some: readonly Binary[]): string {
  return some.map(({ name }) => name).join(', ');
}
