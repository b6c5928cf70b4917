import { randomBytes } from 'node:crypto';
import type { ApiClient } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { installedKubectl } from '../drainers/kubectl.ts';
import { type Flags, UsageError } from '../flags.ts';
import type { RehearsalRecord } from '../record.ts';
import { Recorder } from '../recorder.ts';
import { fullestNode, type RehearsalOptions } from '../rehearse.ts';
import { Cleanup } from '../stage.ts';
import { Timeline } from '../timeline.ts';
import { checksOf, movesByPod, type Outcome } from '../verdict.ts';
import { versionsOf } from '../versions.ts';
import { access, lookAt } from './access.ts';
import { checkAndAsk } from './consent.ts';
import { drain } from './drain.ts';
import type { ClusterFlags } from './flags.ts';
import { findInstalledHook, type InstalledHook } from './installed-hook.ts';
import { CLUSTER, setScene } from './scene.ts';
import { MEMBER_LABEL } from './stand-ins.ts';

export interface AnyClusterOptions extends RehearsalOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Asks the person before the terminal; undefined where there is none. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** How long the hook has to answer the first question. Default 20 s. */
  readonly answerWithinMs?: number;
}

/** What one run works with. */
export interface Run extends AnyClusterOptions {
  readonly flags: Flags;
  readonly cluster: ClusterFlags;
  readonly client: ApiClient;
  readonly hook: InstalledHook;
  readonly kubectl: string;
  /** The namespace of the run. */
  readonly name: string;
  readonly timeline: Timeline;
  readonly recorder: Recorder;
  readonly cleanup: Cleanup;
}

/**
 * Rehearses one drain on a cluster that exists, with the hook that is installed there. Resolves to the record of it after
 * everything that was created is gone again. UsageError where it must not or cannot be rehearsed there.
 */
export async function rehearseOnCluster(
  flags: Flags,
  cluster: ClusterFlags,
  options: AnyClusterOptions,
): Promise<RehearsalRecord> {
  const { write, signal, env } = options;
  const todo = new Cleanup();
  const tellOfEnd = () => write('takes everything back, which may take a minute');
  const monotonicNow = () => performance.now();
  const recorder = new Recorder({ monotonicNow, clusterOf: ({ labels }) => labels[MEMBER_LABEL] });
  const timeline = new Timeline({ monotonicNow, write, onHappening: (happening) => recorder.happened(happening) });
  try {
    const { client, close } = await access(cluster, env);
    todo.defer(close);
    const run = await lookAt(cluster, signal, async () => {
      const kubectl = installedKubectl(env.PATH);
      if (kubectl === undefined) throw new UsageError('kubectl is not in the PATH');
      const name = `reschedule-hook-rehearsal-${randomBytes(3).toString('hex')}`;
      const hook = await findInstalledHook(client);
      const cleanup = telling(todo, write);
      const run: Run = { ...options, flags, cluster, client, hook, kubectl, name, timeline, recorder, cleanup };
      await checkAndAsk(run);
      return run;
    });
    signal.throwIfAborted();
    signal.addEventListener('abort', tellOfEnd, { once: true });
    return await rehearse(run);
  } finally {
    await todo.run();
    signal.removeEventListener('abort', tellOfEnd);
  }
}

/** What cannot be undone is told at once: a failure that follows from it must not hide it. */
function telling(cleanup: Cleanup, write: (line: string) => void): Cleanup {
  const told = new Cleanup();
  told.defer = (undo) =>
    cleanup.defer(() =>
      undo().catch((error: unknown) => {
        write(`left behind: ${describeError(error)}`);
        throw error;
      }),
    );
  return told;
}

async function rehearse(run: Run): Promise<RehearsalRecord> {
  const { client, cluster, flags, recorder, signal } = run;
  const { operator, watch, members, annotation, calm } = await setScene(run);
  const node = fullestNode(members);
  const drained = new Set(members.filter((member) => member.node === node).map(({ uid }) => uid));
  const deletedBefore = new Set(operator.deletedUids);
  const startedAt = new Date().toISOString();
  const { code, refusals } = await drain(run, node);
  await calm(10_000 + 6 * flags.periodMs).catch(() => signal.throwIfAborted());
  const outcome: Outcome = {
    drainCode: code,
    node,
    drained,
    instances: watch.instances.filter((pod) => pod.labels[MEMBER_LABEL] === CLUSTER),
    deletedByOperator: operator.deletedUids,
    deletedBefore,
    annotation,
  };
  const moves = [...movesByPod(outcome)].map(([pod, count]) => `${pod} ${count}x`);
  return recorder.record({
    scenario: {
      name: 'cluster',
      title: `A drain on the cluster of context ${cluster.context}`,
      about:
        `One of the nodes ${cluster.nodes.join(', ')} is drained with kubectl under ${flags.members} stand-in members, ` +
        `which are moved by a stand-in operator that looks every ${flags.periodMs / 1000} s. The hook is the installed one.`,
    },
    startedAt,
    versions: await versionsOf(client),
    checks: checksOf(outcome),
    figures: [
      { what: 'pods moved', value: `${moves.length} of ${drained.size} on the node` },
      { what: 'moves per pod', value: moves.join(', ') || 'none' },
      { what: 'evictions refused', value: String(refusals) },
    ],
  });
}
