import { setTimeout as sleep } from 'node:timers/promises';
import type { HookProcess } from '../../src/rehearsal/hook-process.ts';
import type { EchoHandlers } from '../processes/echo.ts';
import type { Job, LoadHandlers, LoadResult } from '../processes/load.ts';
import type { Context } from '../support/context.ts';
import { type ApiCalls, scrape } from '../support/hook-metrics.ts';
import { reviewOf } from '../support/reviews.ts';
import type { Process } from '../support/rpc.ts';
import { NAMESPACE, type World } from '../support/world.ts';

export const CONNECTIONS = 16;
const PATH = '/eviction?timeout=10s';

/** One kind of eviction. */
interface Case {
  readonly name: string;
  readonly pods: readonly string[];
  /** For another hook, where each pod is good for one answer only. */
  readonly podsOfOthers?: readonly string[];
  /** What every answer of the hook, and of another hook, contains. */
  readonly expected: string;
  readonly expectedOfOthers: string;
  /** Each pod is good for one answer. */
  readonly once: boolean;
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

export interface CaseResult {
  readonly name: string;
  readonly rounds: readonly Round[];
  readonly calls: ApiCalls;
  /** Answers that the calls were made for, warm-up included. */
  readonly answers: number;
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
  readonly marksPerRound: number;
}

export const planOf = (quick: boolean): Plan =>
  quick
    ? { rounds: 3, roundMs: 1_000, quietMs: 5_000, marksPerRound: 240 }
    : { rounds: 5, roundMs: 3_000, quietMs: 10_000, marksPerRound: 160 };

/** How many pods a run marks: one batch for warming up, one for each round. */
export const freshPods = ({ rounds, marksPerRound }: Plan) => (rounds + 1) * marksPerRound;

export async function measureEvictions(context: Context, world: World, referencePort?: number): Promise<Evictions> {
  const plan = planOf(context.quick);
  const hook = await context.startHook(world.kubeconfigPath);
  const echo = context.start<EchoHandlers>('echo');
  const load = context.start<LoadHandlers>('load');
  const echoPort = await echo.call('listen', context.serving);
  const bench = new Bench(context, plan, load, { hook, echo, echoPort, ...(referencePort ? { referencePort } : {}) });
  const quiet = await bench.quiet();
  const cases: CaseResult[] = [];
  for (const one of casesOf(world)) cases.push(await bench.run(one));
  return { cases, quiet };
}

function casesOf(world: World): Case[] {
  const waits = '"code":429';
  return [
    { name: 'waiting', pods: world.waiting, expected: waits, expectedOfOthers: waits, once: false },
    {
      name: 'unselected',
      pods: world.unselected,
      expected: '"allowed":true',
      expectedOfOthers: '"allowed":true',
      once: false,
    },
    {
      name: 'first mark',
      pods: world.fresh,
      podsOfOthers: world.freshForOther,
      expected: 'Reschedule annotation added',
      expectedOfOthers: waits,
      once: true,
    },
    { name: 'released', pods: world.released, expected: '"code":404', expectedOfOthers: '"code":', once: false },
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
    const { healthUrl } = this.#targets.hook;
    this.#context.progress(`leaving the hook alone for ${quietMs / 1000} s`);
    await sleep(1_000);
    const before = await scrape(healthUrl);
    await sleep(quietMs);
    return ((await scrape(healthUrl)).cpuSeconds - before.cpuSeconds) / (quietMs / 1000);
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
    const answers = [warmUp, ...measured].reduce((sum, { hook }) => sum + hook.answers, 0);
    const calls = { reads: after.calls.reads - before.calls.reads, writes: after.calls.writes - before.calls.writes };
    return { name: one.name, rounds: measured, calls, answers };
  }

  async #round(one: Case, round: number, durationMs: number): Promise<Round> {
    const { hook, echo, echoPort, referencePort } = this.#targets;
    const bodies = this.#bodies(one, one.pods, round);
    const job = { path: PATH, connections: CONNECTIONS, bodies };
    const limited = one.once ? { once: true } : { durationMs };
    const hookCpu = async () => (await scrape(hook.healthUrl)).cpuSeconds;
    const echoCpu = () => echo.call('cpuSeconds', undefined as never);
    const asked = () => this.#ask({ ...job, ...limited, port: hook.webhookPort, expected: one.expected });
    const echoed = () => this.#ask({ ...job, durationMs, port: echoPort, expected: 'AdmissionReview' });
    const ours = await withCpu(asked, hookCpu);
    const limit = await withCpu(echoed, echoCpu);
    const results = { hook: ours.result, hookCpuUs: ours.cpuUs, echo: limit.result, echoCpuUs: limit.cpuUs };
    if (referencePort === undefined) return results;
    const others = { port: referencePort, bodies: this.#bodies(one, one.podsOfOthers ?? one.pods, round) };
    const reference = await this.#ask({ ...job, ...limited, ...others, expected: one.expectedOfOthers });
    return { ...results, reference };
  }

  #bodies({ once }: Case, pods: readonly string[], round: number): string[] {
    const { marksPerRound } = this.#plan;
    const asked = once ? pods.slice(round * marksPerRound, (round + 1) * marksPerRound) : pods;
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
