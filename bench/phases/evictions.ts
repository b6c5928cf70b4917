import { setTimeout as sleep } from 'node:timers/promises';
import type { HookProcess } from '../../testkit/hook-process.ts';
import { reviewOf } from '../../testkit/reviews.ts';
import type { EchoHandlers } from '../processes/echo.ts';
import type { Job, LoadHandlers, LoadResult } from '../processes/load.ts';
import type { Context } from '../support/context.ts';
import { type ApiCalls, scrape } from '../support/hook-metrics.ts';
import { cpuSecondsOf } from '../support/process-cpu.ts';
import type { Process } from '../support/rpc.ts';
import { FRESH, NAMESPACE, type Pods, type World } from '../support/world.ts';

export const CONNECTIONS = 16;
const PATH = '/eviction?timeout=10s';

/** What one of the hooks is asked in a case. */
interface Asked {
  readonly pods: readonly string[];
  /** What every answer contains. */
  readonly expected: string;
  /** Each pod is good for one answer. */
  readonly once?: true;
}

/** One kind of eviction. */
interface Case {
  readonly name: string;
  readonly ours: Asked;
  /** Absent where there is no other hook. */
  readonly others?: Asked | undefined;
}

/** What one round told: the hook, then the echo, then the other hook if there is one. */
export interface Round {
  readonly hook: LoadResult;
  readonly echo: LoadResult;
  readonly reference?: LoadResult;
  /** CPU of an answer, microseconds; what else the machine does falls on this least. */
  readonly hookCpuUs: number;
  readonly echoCpuUs: number;
}

/** Of all answers of one hook, warm-up included. */
export interface Totals {
  readonly answers: number;
  /** Those that did not contain what was expected. */
  readonly wrong: number;
}

export interface CaseResult {
  readonly name: string;
  readonly rounds: readonly Round[];
  /** What the hook's answers took, warm-up included. */
  readonly calls: ApiCalls;
  readonly hook: Totals;
  readonly reference: Totals;
}

export interface Evictions {
  readonly cases: readonly CaseResult[];
  /** Share of one core that the hook used while nothing happened. */
  readonly quiet: number;
}

export interface Plan {
  readonly rounds: number;
  readonly roundMs: number;
  readonly quietMs: number;
  /** In a case in which each pod is good for one answer. */
  readonly podsPerRound: number;
}

/** All fresh pods are used: one batch for warming up, one for each round. */
export const planOf = (quick: boolean): Plan =>
  quick
    ? { rounds: 3, roundMs: 1_000, quietMs: 20_000, podsPerRound: FRESH / 4 }
    : { rounds: 5, roundMs: 3_000, quietMs: 60_000, podsPerRound: FRESH / 6 };

/** Another hook, and the pods that it is asked about. */
export interface OtherHook {
  readonly port: number;
  readonly pods: Pods;
}

export async function measureEvictions(context: Context, world: World, other?: OtherHook): Promise<Evictions> {
  const plan = planOf(context.quick);
  const hook = await context.startHook(world.kubeconfigPath);
  const echo = context.start<EchoHandlers>('echo');
  const load = context.start<LoadHandlers>('load');
  const echoPort = await echo.call('listen', context.serving);
  const targets = { hook, echo, echoPort, ...(other ? { referencePort: other.port } : {}) };
  const bench = new Bench(context, plan, load, targets);
  const quiet = await bench.quiet();
  const cases: CaseResult[] = [];
  for (const one of casesOf(world.pods, other?.pods)) cases.push(await bench.run(one));
  return { cases, quiet };
}

/** Another hook may mark in other words, and take the entry of a released pod away when it answers. */
function casesOf(ours: Pods, others: Pods | undefined): Case[] {
  const waits = '"code":429';
  const allowed = '"allowed":true';
  const released = '"code":404';
  return [
    {
      name: 'waiting',
      ours: { pods: ours.waiting, expected: waits },
      others: others && { pods: others.waiting, expected: waits },
    },
    {
      name: 'unselected',
      ours: { pods: ours.unselected, expected: allowed },
      others: others && { pods: others.unselected, expected: allowed },
    },
    {
      name: 'first mark',
      ours: { pods: ours.fresh, expected: 'Reschedule annotation added', once: true },
      others: others && { pods: others.fresh, expected: waits, once: true },
    },
    {
      name: 'released',
      ours: { pods: ours.released, expected: released },
      others: others && { pods: others.released, expected: released, once: true },
    },
  ];
}

interface Targets {
  readonly hook: HookProcess;
  readonly echo: Process<EchoHandlers>;
  readonly echoPort: number;
  readonly referencePort?: number;
}

class Bench {
  readonly #context: Context;
  readonly #plan: Plan;
  readonly #load: Process<LoadHandlers>;
  readonly #targets: Targets;

  constructor(context: Context, plan: Plan, load: Process<LoadHandlers>, targets: Targets) {
    this.#context = context;
    this.#plan = plan;
    this.#load = load;
    this.#targets = targets;
  }

  async quiet(): Promise<number> {
    const { quietMs } = this.#plan;
    const { pid, healthUrl } = this.#targets.hook;
    // To ask the hook itself would be work for it.
    const cpuSeconds = async () => (await cpuSecondsOf(pid)) ?? (await scrape(healthUrl)).cpuSeconds;
    this.#context.progress(`leaving the hook alone for ${quietMs / 1000} s`);
    await sleep(1_000);
    const before = await cpuSeconds();
    const startedAt = performance.now();
    await sleep(quietMs, undefined, { signal: this.#context.signal });
    return ((await cpuSeconds()) - before) / ((performance.now() - startedAt) / 1000);
  }

  /** Hook and echo in turn, so that what else the machine does falls on both. */
  async run(one: Case): Promise<CaseResult> {
    const { rounds, roundMs } = this.#plan;
    const { healthUrl } = this.#targets.hook;
    this.#context.progress(`evictions, ${one.name}: warming up, then ${rounds} rounds`);
    const before = await scrape(healthUrl);
    const warmUp = await this.#round(one, 0, Math.min(roundMs, 1_500));
    const measured: Round[] = [];
    for (let round = 1; round <= rounds; round++) {
      const result = await this.#round(one, round, roundMs);
      measured.push(result);
      this.#context.progress(
        `  ${Math.round(result.hook.perSecond)}/s, the echo ${Math.round(result.echo.perSecond)}/s`,
      );
    }
    const after = await scrape(healthUrl);
    const all = [warmUp, ...measured];
    const calls = { reads: after.calls.reads - before.calls.reads, writes: after.calls.writes - before.calls.writes };
    const reference = totalsOf(all.flatMap((round) => round.reference ?? []));
    return { name: one.name, rounds: measured, calls, hook: totalsOf(all.map(({ hook }) => hook)), reference };
  }

  async #round(one: Case, round: number, durationMs: number): Promise<Round> {
    const { hook, echo, echoPort, referencePort } = this.#targets;
    const job = (asked: Asked, port: number): Job => ({
      port,
      path: PATH,
      connections: CONNECTIONS,
      bodies: this.#bodies(asked, round),
      expected: asked.expected,
      ...(asked.once ? { once: true } : { durationMs }),
    });
    const hookCpu = async () => (await scrape(hook.healthUrl)).cpuSeconds;
    const echoCpu = () => echo.call('cpuSeconds', undefined as never);
    const ourJob = job(one.ours, hook.webhookPort);
    const echoJob = { ...ourJob, once: false, durationMs, port: echoPort, expected: 'AdmissionReview' };
    const ours = await withCpu(() => this.#ask(ourJob), hookCpu);
    const limit = await withCpu(() => this.#ask(echoJob), echoCpu);
    const results = { hook: ours.result, hookCpuUs: ours.cpuUs, echo: limit.result, echoCpuUs: limit.cpuUs };
    if (referencePort === undefined || one.others === undefined) return results;
    return { ...results, reference: await this.#ask(job(one.others, referencePort)) };
  }

  #bodies({ once, pods }: Asked, round: number): string[] {
    const { podsPerRound } = this.#plan;
    const asked = once ? pods.slice(round * podsPerRound, (round + 1) * podsPerRound) : pods;
    return asked.map((pod) => reviewOf(NAMESPACE, pod));
  }

  async #ask(job: Job): Promise<LoadResult> {
    this.#context.signal.throwIfAborted();
    const result = await this.#load.call('run', job);
    if (result.wrong > 0)
      this.#context.progress(`  ${result.wrong} answers without ${job.expected}: ${result.firstWrong}`);
    return result;
  }
}

async function withCpu(run: () => Promise<LoadResult>, cpuSeconds: () => Promise<number>) {
  const before = await cpuSeconds();
  const result = await run();
  return { result, cpuUs: ((await cpuSeconds()) - before) * (1e6 / result.answers) };
}

function totalsOf(results: readonly LoadResult[]): Totals {
  const sum = (of: (result: LoadResult) => number) => results.reduce((total, result) => total + of(result), 0);
  return { answers: sum(({ answers }) => answers), wrong: sum(({ wrong }) => wrong) };
}
