import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Drainer } from '../../drainers/drainer.ts';
import { kubectlDrainer } from '../../drainers/kubectl.ts';
import { KubectlLines } from './kubectl-lines.ts';
import { cordon, uncordon } from './nodes.ts';
import type { Run } from './run.ts';
import { RUN_LABEL } from './stand-ins.ts';

const LEAST_SAFETY_MS = 10 * 60_000;

/** Cordons the node and drains it of the pods of this run. How many evictions were refused is by kubectl's own words. */
export async function drain(run: Run, node: string): Promise<{ code: number; refusals: number }> {
  const { client, cleanup, flags, name, recorder, timeline, signal } = run;
  signal.throwIfAborted();
  cleanup.defer(() => uncordon(client, node, name));
  await cordon(client, node, name);
  const drainer = await drainerFor(run);
  const said = new KubectlLines(recorder);
  const ended = recorder.drain(node, drainer.name);
  const code = await drainer.drain({
    node,
    timeoutMs: Math.max(LEAST_SAFETY_MS, flags.members * 10 * flags.periodMs),
    signal,
    onLine: (line) => {
      said.line(line);
      timeline.add({ who: drainer.voice, what: line });
    },
  });
  signal.throwIfAborted();
  if (code === 0) said.drained();
  ended(`exit code ${code}`);
  timeline.add({ who: drainer.voice, what: `exit code ${code}`, node });
  return { code, refusals: said.refusals };
}

/** The administrator's own kubectl, for nothing but the pods of this rehearsal. */
async function drainerFor({ kubectl, cluster, name, env, cleanup }: Run): Promise<Drainer> {
  const homeDir = await mkdtemp(join(tmpdir(), 'reschedule-hook-rehearsal-'));
  cleanup.defer(() => rm(homeDir, { recursive: true, force: true }));
  const { context, kubeconfig } = cluster;
  return kubectlDrainer({
    kubectl,
    homeDir,
    // Credentials may come from a program that needs its environment.
    env,
    ...(kubeconfig === undefined ? {} : { kubeconfigPath: kubeconfig }),
    args: [`--context=${context}`, `--pod-selector=${RUN_LABEL}=${name}`],
  });
}
