/** Asks a hook, a bare echo and whatever is measured beside in turn, so that what else the machine does falls on all. */
import type { HookProcess } from '../../testkit/hook-process.ts';
import { reviewOf } from '../../testkit/reviews.ts';
import type { EchoHandlers } from '../processes/echo.ts';
import type { Job, LoadHandlers } from '../processes/load.ts';
import type { Context } from '../support/context.ts';
import { scrape } from '../support/hook-metrics.ts';
import type { CaseResult, LoadResult, Round, Totals } from '../support/results.ts';
import type { Process } from '../support/rpc.ts';
import { FRESH } from '../support/world.ts';

const CONNECTIONS = 16;
/** V8 has compiled by then what an answer takes. On a busy machine that takes longer than a round. */
const WARM_UP_ANSWERS = 5_000;
const PATH = '/eviction?timeout=10s';

/** What one of the hooks is asked in a case. */
export interface Asked {
  readonly namespace: string;
  readonly pods: readonly string[];
  /** What every answer contains. */
  readonly expected: string;
  /** Each pod is good for one answer. */
  readonly once?: true;
}

/** One kind of eviction. */
export interface Case {
  readonly name: string;
  readonly ours: Asked;
  /** Absent where there is no other hook. */
  readonly others?: Asked | undefined;
  /** An echo that first reads what an answer of this kind reads. */
  readonly readingEcho?: { readonly port: number; readonly cpuSeconds: () => Promise<number> };
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

export class Rounds {
  readonly #context: Context;
  readonly #hook: HookProcess;
  readonly #referencePort: number | undefined;
  readonly #plan: Plan;
  readonly #load: Process<LoadHandlers>;
  readonly #echo: Process<EchoHandlers>;
  #echoPort = 0;

  constructor(context: Context, hook: HookProcess, referencePort?: number) {
    this.#context = context;
    this.#hook = hook;
    this.#referencePort = referencePort;
    this.#plan = planOf(context.quick);
    this.#load = context.start<LoadHandlers>('load');
    this.#echo = context.start<EchoHandlers>('echo');
  }

  async run(one: Case): Promise<CaseResult> {
    const { rounds, roundMs } = this.#plan;
    const { healthUrl } = this.#hook;
    this.#echoPort ||= await this.#echo.call('listen', this.#context.serving);
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
    const job = (asked: Asked, port: number): Job => ({
      port,
      path: PATH,
      connections: CONNECTIONS,
      bodies: this.#bodies(asked, round),
      expected: asked.expected,
      ...(asked.once ? { once: true } : { durationMs, atLeast: round === 0 ? WARM_UP_ANSWERS : 0 }),
    });
    const hookCpu = async () => (await scrape(this.#hook.healthUrl)).cpuSeconds;
    const echoCpu = () => this.#echo.call('cpuSeconds', undefined as never);
    const ourJob = job(one.ours, this.#hook.webhookPort);
    const echoJob = { ...ourJob, once: false, durationMs, port: this.#echoPort, expected: 'AdmissionReview' };
    const ours = await withCpu(() => this.#ask(ourJob), hookCpu);
    const limit = await withCpu(() => this.#ask(echoJob), echoCpu);
    const { readingEcho } = one;
    const reading =
      readingEcho && (await withCpu(() => this.#ask({ ...echoJob, port: readingEcho.port }), readingEcho.cpuSeconds));
    const results = {
      hook: ours.result,
      hookCpuUs: ours.cpuUs,
      echo: limit.result,
      echoCpuUs: limit.cpuUs,
      ...(reading && { readCpuUs: reading.cpuUs - limit.cpuUs }),
    };
    if (this.#referencePort === undefined || one.others === undefined) return results;
    return { ...results, reference: await this.#ask(job(one.others, this.#referencePort)) };
  }

  #bodies({ namespace, once, pods }: Asked, round: number): string[] {
    const { podsPerRound } = this.#plan;
    const asked = once ? pods.slice(round * podsPerRound, (round + 1) * podsPerRound) : pods;
    return asked.map((pod) => reviewOf(namespace, pod));
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
