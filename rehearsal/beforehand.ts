import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { installedKubectl } from './drainers/kubectl.ts';
import type { Flags } from './flags.ts';
import { UsageError } from './usage-error.ts';

/** Where kubectl is to be had. */
const INSTALL = 'install it from https://kubernetes.io/docs/tasks/tools';

/** Throws a UsageError for what would only be missing at the end, or in the middle: a kubectl, a place for the report. */
export function checkBeforehand({ report, drainer, controlPlane, cluster }: Flags, env: NodeJS.ProcessEnv): void {
  if (report !== undefined) checkReport(report);
  const isInstalled = installedKubectl(env.PATH) !== undefined;
  if (isInstalled) return;
  if (cluster !== undefined && !cluster.observe) {
    throw new UsageError(`kubectl is not in the PATH, and is what drains a cluster of yours: ${INSTALL}`);
  }
  // A control plane brings its own.
  if (drainer === 'kubectl' && !controlPlane) {
    throw new UsageError(`kubectl is not in the PATH: ${INSTALL}, or leave --drainer out`);
  }
}

function checkReport(file: string): void {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats?.isDirectory()) throw new UsageError(`--report ${file} cannot be written: it is a folder`);
  const written = stats === undefined ? dirname(file) : file;
  try {
    accessSync(written, constants.W_OK);
  } catch (error) {
    throw new UsageError(`--report ${file} cannot be written: no right to write to ${written}, or no such folder`, {
      cause: error,
    });
  }
}
