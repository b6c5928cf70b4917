import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { UsageError } from '../src/command-line.ts';
import { installedKubectl } from './drainers/kubectl.ts';
import type { Options } from './options.ts';

/** Where to get kubectl. */
const INSTALL = 'install it from https://kubernetes.io/docs/tasks/tools';

const NEEDS_CONTEXT =
  'the image starts no cluster of its own: give --context and a kubeconfig, or rehearse with the npm package or the plugin of kubectl';

/** Throws a UsageError that names what would be missing later: a kubectl, and a place for the report. */
export function checkRequirements(options: Options, env: NodeJS.ProcessEnv, needsContext: boolean): void {
  const missing = [
    needsContext && options.cluster === undefined ? NEEDS_CONTEXT : undefined,
    fileProblem('--report', options.report),
    fileProblem('--table', options.table),
    kubectlProblem(options, env),
  ].filter((one) => one !== undefined);
  if (missing.length > 0) throw new UsageError(missing.join('; '));
}

function kubectlProblem({ drainer, controlPlane, cluster }: Options, env: NodeJS.ProcessEnv): string | undefined {
  if (installedKubectl(env.PATH) !== undefined) return undefined;
  if (cluster !== undefined && !cluster.observe) {
    return `kubectl is not in the PATH, and is what drains a cluster of yours: ${INSTALL}`;
  }
  // A control plane brings its own.
  if (drainer !== 'kubectl' || controlPlane) return undefined;
  return `kubectl is not in the PATH: ${INSTALL}, or leave --drainer out`;
}

function fileProblem(option: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return `${option} ${file} cannot be written: it is a folder`;
  const written = stats === undefined ? dirname(file) : file;
  try {
    accessSync(written, constants.W_OK);
    return undefined;
  } catch {
    return `${option} ${file} cannot be written: no right to write to ${written}, or no such folder`;
  }
}
