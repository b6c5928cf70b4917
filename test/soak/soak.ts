import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConfig } from '../../src/config/config.ts';
import { describeError } from '../../src/kube/errors.ts';
import { LOG } from '../../src/log/messages.ts';
import { entryPod } from '../../src/policy/entry.ts';
import { neededBy } from '../../src/serving.ts';
import { aSelfKept } from '../cluster/support/own-certificates.ts';
import { type Rig, startRig } from '../cluster/support/rig.ts';
import { Caster } from './caster.ts';
import { FAULTS, type Fault, type Targets } from './faults.ts';
import { compareHeaps } from './heap/comparison.ts';
import { type HeapCounts, readSnapshot } from './heap/snapshot.ts';
import { aStage, type Drained, MODELS, SETTLE_MS, type Stage } from './operators.ts';
import type { Round, Sample, SoakRecord } from './record.ts';
import { aReplica } from './replica.ts';
import { sampleReplica } from './sample.ts';
import { situation } from './situation.ts';
import { SNAPSHOT_SHARE } from './verdict.ts';

export interface SoakOptions {
  readonly durationMs: number;
  /** Goes on until there have been so many, however long they take. Default: none has to be. */
  readonly leastRounds?: number;
  /** Default: all, in their order. */
  readonly faults?: readonly Fault[];
  readonly sampleEveryMs?: number;
  /** Between two rounds. */
  readonly restMs?: number;
  /** Default: 60 s, which is longer than a drain takes here. What a drainer asks for again must still be remembered. */
  readonly retention?: string;
  readonly progress?: (line: string) => void;
  /** Is given what has been seen so far, every few minutes: a run of hours may be broken off. */
  readonly checkpoint?: (record: SoakRecord) => Promise<void>;
  readonly signal?: AbortSignal;
}

const NAME = 'soak';
/** A certificate is renewed after half of this. */
const CERTIFICATE_MINUTES = 6;
const RENEW_EVERY_MS = (CERTIFICATE_MINUTES * 60_000) / 2;
/** An authority is replaced when a third of its time is left: three times in an hour. */
const LIFETIMES = { CERTIFICATE_LIFETIME: `${CERTIFICATE_MINUTES}m`, CA_LIFETIME: '30m' };
const CHECKPOINT_EVERY_MS = 5 * 60_000;
/** Shorter runs have no heap snapshots. */
const SNAPSHOTS_FROM_MS = 10 * 60_000;

/** Runs rounds until the time is over, or it is aborted, and tells what it saw; everything has been stopped by then. */
export async function soak(options: SoakOptions): Promise<SoakRecord> {
  const { signal } = options;
  // Each outage of the API server may end the scheduler.
  const controlPlane = { schedulerRestarts: Number.POSITIVE_INFINITY, ...(signal && { signal }) };
  const rig = await startRig({ controlPlane });
  try {
    return await new Soak(rig, options, await setUp(rig, options)).run();
  } finally {
    await rig.stop();
  }
}

interface SetUp {
  readonly targets: Targets;
  readonly stages: readonly Stage[];
}

async function setUp(rig: Rig, { retention = '60s' }: SoakOptions): Promise<SetUp> {
  const profiles = { PROFILES: MODELS.map(({ profile }) => profile).join(), TRACKING_RESOURCE_TYPE: 'namespace' };
  const env = { ...profiles, ...LIFETIMES, TRACKING_RETENTION: retention, LOG_LEVEL: 'info' };
  const kept = await aSelfKept(rig, NAME, { needs: neededBy(readConfig(profiles)) });
  const [steady, restarted] = [await aReplica(rig, kept, 'steady', env), await aReplica(rig, kept, 'restarted', env)];
  await kept.register();
  await Promise.all([steady.hook.start(), restarted.hook.start()]);
  await kept.untilAsked();
  const stages = await Promise.all(MODELS.map((model) => aStage(rig, model, NAME)));
  return { targets: { steady, restarted, apiServer: rig.controlPlane.apiServer }, stages };
}

class Soak {
  readonly #rig: Rig;
  readonly #options: SoakOptions;
  readonly #targets: Targets;
  readonly #stages: readonly Stage[];
  readonly #samples: Sample[] = [];
  readonly #rounds: Round[] = [];
  readonly #problems: string[] = [];
  readonly #caster: Caster;
  readonly #startedAt = performance.now();
  #checkedAtMs = 0;
  #heapBefore: HeapCounts | undefined;
  #snapshotAtMs: number | undefined;

  constructor(rig: Rig, options: SoakOptions, { targets, stages }: SetUp) {
    this.#rig = rig;
    this.#options = options;
    this.#targets = targets;
    this.#caster = new Caster([targets.steady, targets.restarted], () => this.#elapsedMs);
    this.#stages = stages;
  }

  async run(): Promise<SoakRecord> {
    const { durationMs, leastRounds = 0, signal, faults = FAULTS } = this.#options;
    const sampling = this.#sample();
    let hasBrokenOff = false;
    for (let n = 0; (this.#elapsedMs < durationMs || n < leastRounds) && !signal?.aborted && !hasBrokenOff; n++) {
      const fault = faults[n % faults.length] as Fault;
      // What was seen until then is worth its page.
      hasBrokenOff = !(await this.#between(n, fault).then(
        () => true,
        (error) => this.#breakOff(`round ${n + 1} (${fault.name})`, error),
      ));
    }
    if (!signal?.aborted) this.#problems.push(...this.#endedReplicas());
    const entriesLeft = signal?.aborted ? undefined : await this.#tried('the count of entries', this.#entriesLeft());
    await sampling.stop();
    const sampledMs = this.#elapsedMs;
    const heap = signal?.aborted ? undefined : await this.#tried('the comparison of heaps', this.#compareHeaps());
    return {
      ...this.#record(sampledMs),
      ...(entriesLeft !== undefined && { entriesLeft }),
      ...(heap && { heap }),
      ...unfinished(signal?.aborted === true, hasBrokenOff),
    };
  }

  async #breakOff(what: string, error: unknown): Promise<false> {
    if (this.#options.signal?.aborted) return false;
    this.#problems.push(`${what} broke off: ${describeError(error)}`);
    this.#problems.push(...((await this.#tried('the situation', situation(this.#rig, this.#stages))) ?? []));
    return false;
  }

  /** Undefined if it failed, which is a problem. */
  #tried<T>(what: string, trial: Promise<T>): Promise<T | undefined> {
    return trial.catch((error) => {
      this.#problems.push(`${what}: ${describeError(error)}`);
      return undefined;
    });
  }

  /** One round, and what comes before and after it. */
  async #between(n: number, fault: Fault): Promise<void> {
    const { restMs = 2_000, progress = () => undefined, signal, durationMs, checkpoint } = this.#options;
    await this.#caster.cast();
    const round = await this.#round(n, fault);
    this.#rounds.push(round);
    progress(describeRound(round));
    await sleep(restMs, undefined, signal ? { signal } : {}).catch(() => undefined);
    const isWarm = this.#elapsedMs > SNAPSHOT_SHARE * durationMs && durationMs >= SNAPSHOTS_FROM_MS;
    if (isWarm) {
      this.#snapshotAtMs ??= this.#elapsedMs;
      this.#heapBefore ??= await this.#snapshot('before');
    }
    if (this.#elapsedMs - this.#checkedAtMs < CHECKPOINT_EVERY_MS) return;
    this.#checkedAtMs = this.#elapsedMs;
    const written = checkpoint?.({ ...this.#record(), unfinished: 'goes on' });
    await written?.catch((error) => progress(`the page could not be written: ${describeError(error)}`));
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }

  /** `durationMs` is for how long samples were taken. */
  #record(durationMs = this.#elapsedMs): SoakRecord {
    const { steady, restarted } = this.#targets;
    const unexpected = [steady, restarted].flatMap(({ hook }) =>
      hook.lines.filter(({ message, level }) => message === LOG.unexpected || level === 'error'),
    );
    const count = (message: string, lines = steady.hook.lines) =>
      lines.filter((line) => line.message === message).length;
    return {
      durationMs,
      samples: this.#samples,
      ...(this.#snapshotAtMs !== undefined && { snapshotAtMs: this.#snapshotAtMs }),
      rounds: this.#rounds,
      problems: [...this.#problems, ...unexpected.map((line) => `the hook logged ${JSON.stringify(line)}`)],
      spells: this.#caster.until(durationMs),
      reminders: this.#stages.reduce((sum, { reminders }) => sum + reminders, 0),
      // The first one is no renewal.
      renewals: Math.max(0, count(LOG.certificateLoaded) - 1),
      renewEveryMs: RENEW_EVERY_MS,
      authorities: count(LOG.authorityPromoted) + count(LOG.authorityPromoted, restarted.hook.lines),
    };
  }

  /** Drains a node of each operator, with the fault in the middle of it. */
  async #round(n: number, fault: Fault): Promise<Round> {
    const startedMs = this.#elapsedMs;
    const { signal } = this.#options;
    const problems = this.#endedReplicas();
    const draining = Promise.all(this.#stages.map((stage) => stage.drain(signal)));
    draining.catch(() => undefined);
    // Another moment of the drain each time that this fault has its turn.
    await sleep((n * 170) % 2_000);
    await fault.inflict(this.#targets).catch((error) => problems.push(describeError(error)));
    const drained = await draining;
    problems.push(...drained.flatMap((one) => one.problems));
    return {
      fault: fault.name,
      startedMs,
      drainedMs: Math.max(...drained.map(({ drainedMs }) => drainedMs)),
      pods: drained.reduce((sum, { pods }) => sum + pods, 0),
      mostMoves: Math.max(...drained.map(({ mostMoves }) => mostMoves)),
      answers: addUp(drained),
      oddities: drained.flatMap(({ oddities }) => oddities),
      problems: problems.map((problem) => `round ${n + 1} (${fault.name}): ${problem}`),
    };
  }

  /** Each fault that ends a replica starts it again. */
  #endedReplicas(): string[] {
    const { steady, restarted } = this.#targets;
    return Object.entries({ steady, restarted })
      .filter(([, { hook }]) => !hook.isRunning)
      .map(([name, { hook }]) => `the ${name} replica had ended by itself: ${hook.lines.at(-1)?.message}`);
  }

  async #countEntries(): Promise<number> {
    const all = await Promise.all(this.#stages.map(({ scene }) => scene.namespaceEntries()));
    return all.reduce((sum, entries) => sum + Object.keys(entries).length, 0);
  }

  async #entriesLeft(): Promise<number> {
    const [{ scene }] = this.#stages as [Stage];
    const none = async () => (await this.#countDue()) === 0;
    await scene.until('the entries to be pruned', none, { timeoutMs: SETTLE_MS }).catch(() => undefined);
    return this.#countDue();
  }

  /** Without those of names that are gone: such an entry stays for an hour, because its pod may yet come. */
  async #countDue(): Promise<number> {
    const due = this.#stages.map(async ({ scene }) => {
      const [entries, pods] = await Promise.all([scene.namespaceEntries(), scene.pods()]);
      const names = new Set(pods.map(({ name }) => name));
      return Object.entries(entries).filter(([key, value]) => names.has(entryPod(key, value)?.name ?? '')).length;
    });
    return (await Promise.all(due)).reduce((sum, count) => sum + count, 0);
  }

  async #snapshot(name: string): Promise<HeapCounts> {
    const snapshot = join(this.#rig.controlPlane.dir, `${name}.heapsnapshot`);
    await this.#targets.steady.order({ aheadMs: this.#caster.aheadMs, snapshot });
    return readSnapshot(snapshot);
  }

  async #compareHeaps() {
    if (this.#heapBefore === undefined) return undefined;
    return compareHeaps(this.#heapBefore, await this.#snapshot('after'));
  }

  #sample(): { stop(): Promise<void> } {
    const { sampleEveryMs = 5_000 } = this.#options;
    const { steady, restarted } = this.#targets;
    const over = new AbortController();
    const take = async () => {
      const [one, two, entries] = await Promise.all([
        sampleReplica(steady.hook),
        sampleReplica(restarted.hook),
        this.#countEntries().catch(() => undefined),
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

function unfinished(isInterrupted: boolean, hasBrokenOff: boolean): Pick<SoakRecord, 'unfinished'> {
  if (isInterrupted) return { unfinished: 'interrupted' };
  return hasBrokenOff ? { unfinished: 'broke off' } : {};
}

function addUp(drained: readonly Drained[]): Record<number, number> {
  const sums: Record<string, number> = {};
  for (const { answers } of drained) {
    for (const [code, count] of Object.entries(answers)) sums[code] = (sums[code] ?? 0) + count;
  }
  return sums;
}

function describeRound({ fault, drainedMs, pods, answers, oddities, problems }: Round): string {
  const counts = Object.entries(answers).map(([code, count]) => `${count} × ${code}`);
  const end = [...(problems.length === 0 ? ['right'] : problems), ...oddities].join('; ');
  return `${fault}: ${pods} moved in ${(drainedMs / 1000).toFixed(1)} s, answers ${counts.join(', ')}: ${end}`;
}
