import { randomBytes } from 'node:crypto';
import { describeError } from '../../../src/kube/errors.ts';
import { Cleanup } from '../../../testkit/cleanup.ts';
import type { PodView } from '../../../testkit/pods.ts';
import { installedKubectl } from '../../drainers/kubectl.ts';
import { brokenOff } from '../../evidence/broken-off.ts';
import { type DrainSight, seeDrain } from '../../evidence/held-drain.ts';
import { Hold } from '../../evidence/hold.ts';
import type { RehearsalRecord, Scenario } from '../../evidence/record.ts';
import { Recorder } from '../../evidence/recorder.ts';
import { Timeline } from '../../evidence/timeline.ts';
import { checksOf, figuresOf, type Seen } from '../../evidence/verdict.ts';
import { versionsOf } from '../../evidence/versions.ts';
import { Witness } from '../../evidence/witness.ts';
import type { Flags } from '../../flags.ts';
import { fullestNode } from '../../rehearse.ts';
import { UsageError } from '../../usage-error.ts';
import { access, lookAt } from './access.ts';
import { checkAndAsk } from './consent.ts';
import { drain } from './drain.ts';
import type { ClusterFlags } from './flags.ts';
import { findInstalledHook } from './installed-hook.ts';
import type { AnyClusterOptions, Run } from './run.ts';
import { CLUSTER, type Scene, setScene } from './scene.ts';
import { askBeside, refusalIn } from './second-drainer.ts';
import { MEMBER_LABEL } from './stand-ins.ts';

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
  let witness: Witness | undefined;
  const timeline = new Timeline({
    monotonicNow,
    write,
    onHappening: (happening) => {
      recorder.happened(happening);
      const refused = refusalIn(happening, monotonicNow());
      if (refused !== undefined) witness?.answered(refused);
    },
  });
  try {
    const { client, close } = await access(cluster, env);
    todo.defer(close);
    const run = await lookAt(cluster, signal, async () => {
      const kubectl = installedKubectl(env.PATH);
      if (kubectl === undefined) throw new UsageError('kubectl is not in the PATH');
      const name = `reschedule-hook-rehearsal-${randomBytes(3).toString('hex')}`;
      const hook = await findInstalledHook(client);
      const cleanup = telling(todo, write);
      witness = new Witness({ namespace: name, monotonicNow, now: () => Date.now() });
      const seeing = { timeline, recorder, witness, now: monotonicNow };
      const run: Run = { ...options, flags, cluster, client, hook, kubectl, name, ...seeing, cleanup };
      await checkAndAsk(run);
      return run;
    });
    signal.throwIfAborted();
    signal.addEventListener('abort', tellOfEnd, { once: true });
    return await rehearse(run).catch((error: unknown) => brokenOff(scenarioOf(run), error, signal, recorder));
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

const isMember = ({ labels }: PodView) => labels[MEMBER_LABEL] === CLUSTER;

async function rehearse(run: Run): Promise<RehearsalRecord> {
  const { client, flags, recorder, witness, signal, now } = run;
  const scene = await setScene(run);
  const { operator, watch, annotation, calm } = scene;
  const started = { iso: new Date().toISOString(), at: now() };
  const { seen: drained, refusals } = await drainBeside(run, scene);
  await calm(10_000 + 6 * flags.periodMs).catch(() => signal.throwIfAborted());
  const seen: Seen = {
    drains: [drained],
    members: watch.instances.filter(isMember),
    deletedAt: operator.deletedAt,
    startedAt: started.at,
    givenBack: new Set(),
    annotation,
    witness,
  };
  return recorder.record({
    scenario: scenarioOf(run),
    startedAt: started.iso,
    versions: await versionsOf(client),
    checks: checksOf(seen),
    figures: [...figuresOf(seen), { what: 'evictions refused', value: String(refusals) }],
  });
}

/** Drains, and asks beside the drainer, whose kubectl does not tell what it takes for done. */
async function drainBeside(run: Run, { operator, watch, members, annotation }: Scene) {
  const { client, name, flags, witness, signal, now } = run;
  const node = fullestNode(members);
  const on = members.filter((member) => member.node === node);
  const patienceMs = 60_000 + 3 * flags.periodMs;
  const hold = new Hold(operator, signal);
  const sight: DrainSight = { client, namespace: name, isMember, hold, witness, patienceMs, now, signal };
  let refusals = 0;
  const isOver = new AbortController();
  const here = () => watch.instances.filter((pod) => !pod.isGone && pod.node === node && isMember(pod));
  const seen = await seeDrain(sight, { node, members: on }, async () => {
    const asking = askBeside(run, annotation, here, AbortSignal.any([signal, isOver.signal]));
    try {
      const drained = await drain(run, node);
      refusals = drained.refusals;
      return drained.code;
    } finally {
      isOver.abort(new Error('the drain is over'));
      await asking;
    }
  });
  return { seen, refusals };
}

const scenarioOf = ({ cluster, flags }: Pick<Run, 'cluster' | 'flags'>): Scenario => ({
  name: 'cluster',
  title: `A drain on the cluster of context ${cluster.context}`,
  about:
    `One of the nodes ${cluster.nodes.join(', ')} is drained with kubectl under ${flags.members} stand-in members, ` +
    `which are moved by a stand-in operator that looks every ${flags.periodMs / 1000} s, but not before kubectl has asked ` +
    'twice. The hook is the installed one.',
});
