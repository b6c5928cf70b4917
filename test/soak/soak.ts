import { setTimeout as sleep } from 'node:timers/promises';
import { PodWatch } from '../../rehearsal/evidence/pod-watch.ts';
import { describeError } from '../../src/kube/errors.ts';
import { LOG } from '../../src/log/messages.ts';
import { waitForMembers } from '../../testkit/couchbase/workload.ts';
import { until } from '../../testkit/until.ts';
import { drainPatiently } from '../cluster/support/drainer.ts';
import { inTurn } from '../cluster/support/in-turn.ts';
import { type Rig, startRig } from '../cluster/support/rig.ts';
import { aScene, type Scene } from '../cluster/support/scene.ts';
import { FAULTS, type Fault, type Targets } from './faults.ts';
import type { Round, Sample, SoakRecord } from './record.ts';
import { sampleReplica } from './sample.ts';

export interface SoakOptions {
  readonly durationMs: number;
  /** Default: all, in their order. */
  readonly faults?: readonly Fault[];
  readonly sampleEveryMs?: number;
  /** Between two rounds. */
  readonly restMs?: number;
  /** Default: 60 s, which is longer than a drain takes here. What a drainer asks for again must still be remembered. */
  readonly retention?: string;
  readonly progress?: (line: string) => void;
  readonly signal?: AbortSignal;
}

const SIZE = 4;
/** A drain is to last long enough for a fault to come in the middle of it. */
const OPERATOR = { periodMs: 150, recreateDelayMs: 500, rebalanceMs: 500 };
/** Where the machine has much else to do, an API server takes a minute to come back. */
const SETTLE_MS = 240_000;

/** Runs rounds until the time is over, or it is aborted, and tells what it saw; everything has been stopped by then. */
export async function soak(options: SoakOptions): Promise<SoakRecord> {
  // Each outage of the API server may end the scheduler.
  const rig = await startRig({ controlPlane: { schedulerRestarts: Number.POSITIVE_INFINITY } });
  try {
    return await new Soak(rig, options).run();
  } finally {
    await rig.stop();
  }
}

class Soak {
  readonly #rig: Rig;
  readonly #options: SoakOptions;
  readonly #samples: Sample[] = [];
  readonly #rounds: Round[] = [];
  readonly #problems: string[] = [];
  #startedAt = 0;

  constructor(rig: Rig, options: SoakOptions) {
    this.#rig = rig;
    this.#options = options;
  }

  async run(): Promise<SoakRecord> {
    const { durationMs, restMs = 2_000, progress = () => undefined, signal } = this.#options;
    const { targets, scene, watch } = await this.#set();
    this.#startedAt = performance.now();
    const sampling = this.#sample(targets, scene);
    const faults = this.#options.faults ?? FAULTS;
    for (let n = 0; this.#elapsedMs < durationMs && !signal?.aborted; n++) {
      const fault = faults[n % faults.length] as Fault;
      const round = await this.#round(n, fault, { targets, scene, watch }).catch((error) => describeError(error));
      if (typeof round === 'string') {
        // What was seen until then is worth its page.
        this.#problems.push(`round ${n + 1} (${fault.name}) broke off: ${round}`);
        break;
      }
      this.#rounds.push(round);
      progress(describeRound(round));
      await sleep(restMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    }
    const entriesLeft = signal?.aborted ? 0 : await this.#entriesLeft(scene);
    await sampling.stop();
    const unexpected = [targets.steady, targets.restarted].flatMap(({ hook }) =>
      hook.lines.filter(({ message, level }) => message === LOG.unexpected || level === 'error'),
    );
    this.#problems.push(...unexpected.map((line) => `the hook logged ${JSON.stringify(line)}`));
    return {
      durationMs: this.#elapsedMs,
      samples: this.#samples,
      rounds: this.#rounds,
      entriesLeft,
      problems: this.#problems,
    };
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  async #set(): Promise<{ targets: Targets; scene: Scene; watch: PodWatch }> {
    const rig = this.#rig;
    const env = { TRACKING_RETENTION: this.#options.retention ?? '60s', LOG_LEVEL: 'info' };
    const [steady, restarted] = await Promise.all([rig.hookBehindProxy(env), rig.hookBehindProxy(env)]);
    const ports = [steady.hook.webhookPort, restarted.hook.webhookPort];
    const service = await inTurn(await rig.authority.issue(), ports);
    rig.atStop(() => service.close());
    await rig.register('soak', service.url);
    const scene = await aScene({ rig, hook: 'soak', namespace: 'soak', size: SIZE, pdb: false, operator: OPERATOR });
    const watch = new PodWatch({ client: rig.client, namespace: scene.namespace });
    rig.atStop(() => watch.stop());
    await watch.start();
    return { targets: { steady, restarted, apiServer: rig.controlPlane.apiServer }, scene, watch };
  }

  /** Drains the node with the most members, with the fault in the middle of it, and looks whether all was right. */
  async #round(
    n: number,
    fault: Fault,
    { targets, scene, watch }: { targets: Targets; scene: Scene; watch: PodWatch },
  ): Promise<Round> {
    const startedMs = this.#elapsedMs;
    const before = await this.#membersIn(scene);
    const node = fullest(before.map((pod) => pod.node ?? ''));
    const drained = before.filter((pod) => pod.node === node);
    const gone = new Set(watch.instances.filter(({ isGone }) => isGone).map(({ uid }) => uid));
    const draining = drainPatiently(scene, node, { timeoutMs: SETTLE_MS }).then((result) => ({
      ...result,
      drainedMs: this.#elapsedMs - startedMs,
    }));
    // Another moment of the drain each time that this fault has its turn.
    await sleep((n * 170) % 2_000);
    const problems: string[] = [];
    await fault.inflict(targets).catch((error) => problems.push(describeError(error)));
    const { drainedMs, answers, oddities, problems: wrong } = await draining;
    problems.push(...wrong);
    const after = await this.#membersIn(scene);
    await scene.until('the watch to see it all', () => after.every(({ uid }) => isThere(watch, uid)), SETTLE_MS);
    const left = watch.instances.filter(({ uid, isGone }) => isGone && !gone.has(uid));
    // A scheduler that has not seen the cordon yet puts pods back on that node, and those have to move again (rule 8a).
    const [again = [], moved = []] = [true, false].map((isAgain) =>
      left.filter((pod) => isAgain === (pod.node === node && !drained.some(({ uid }) => uid === pod.uid))),
    );
    const moves = drained.map(({ name }) => moved.filter((pod) => pod.name === name).length);
    if (moved.length !== drained.length || moves.some((count) => count !== 1)) {
      problems.push(`moves of ${drained.map(({ name }, i) => `${name}: ${moves[i]}`)}, of all pods: ${moved.length}`);
    }
    const evicted = left.filter(({ uid }) => !scene.operator.deletedUids.has(uid));
    problems.push(...evicted.map(({ name }) => `${name} went, and it was not its operator`));
    await until('the node to be uncordoned', () => scene.cordon(node, false));
    const named = problems.map((problem) => `round ${n + 1} (${fault.name}): ${problem}`);
    const mostMoves = Math.max(...moves);
    return {
      fault: fault.name,
      startedMs,
      drainedMs,
      pods: drained.length,
      mostMoves,
      answers,
      oddities: [...oddities, ...again.map(({ name }) => `${name} came back on ${node} and moved again`)],
      problems: named,
    };
  }

  /** The members once all of them run. */
  #membersIn({ namespace, cluster }: Scene) {
    return waitForMembers(this.#rig.client, { namespace, cluster, size: SIZE, balanced: true, timeoutMs: SETTLE_MS });
  }

  async #entriesLeft(scene: Scene): Promise<number> {
    const left = async () => Object.keys(await scene.entries()).length;
    await scene.until('the entries to be pruned', async () => (await left()) === 0, SETTLE_MS).catch(() => undefined);
    return left();
  }

  #sample({ steady, restarted }: Targets, scene: Scene): { stop(): Promise<void> } {
    const { sampleEveryMs = 5_000 } = this.#options;
    const over = new AbortController();
    const take = async () => {
      const [one, two, entries] = await Promise.all([
        sampleReplica(steady.hook),
        sampleReplica(restarted.hook),
        scene.entries().then(
          (all) => Object.keys(all).length,
          () => undefined,
        ),
      ]);
      const replicas = { ...(one ? { steady: one } : {}), ...(two ? { restarted: two } : {}) };
      this.#samples.push({ atMs: this.#elapsedMs, replicas, ...(entries === undefined ? {} : { entries }) });
    };
    const done = (async () => {
      while (!over.signal.aborted) {
        await take();
        await sleep(sampleEveryMs, undefined, { signal: over.signal }).catch(() => undefined);
      }
    })();
    return {
      async stop() {
        over.abort();
        await done;
      },
    };
  }
}

const isThere = (watch: PodWatch, uid: string) => watch.instances.some((one) => one.uid === uid && !one.isGone);

function fullest(nodes: readonly string[]): string {
  const counts = [...Map.groupBy(nodes, (node) => node)].sort(([, a], [, b]) => b.length - a.length);
  return counts[0]?.[0] ?? '';
}

function describeRound({ fault, drainedMs, pods, answers, oddities, problems }: Round): string {
  const counts = Object.entries(answers).map(([code, count]) => `${count} × ${code}`);
  const end = [...(problems.length === 0 ? ['right'] : problems), ...oddities].join('; ');
  return `${fault}: ${pods} moved in ${(drainedMs / 1000).toFixed(1)} s, answers ${counts.join(', ')}: ${end}`;
}
