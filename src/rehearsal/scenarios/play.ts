import type { JsonObject } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { LOG } from '../../logs.ts';
import type { Drainer } from '../drainers/drainer.ts';
import type { LogLine } from '../log-lines.ts';
import type { Member } from '../member.ts';
import type { StandInOperator } from '../operator.ts';
import type { PodWatch } from '../pod-watch.ts';
import { listPods } from '../pods.ts';
import type { Check } from '../record.ts';
import type { Recorder } from '../recorder.ts';
import type { Stage } from '../stage.ts';
import type { Timeline } from '../timeline.ts';
import { NotYet, until } from '../until.ts';
import * as workload from '../workload.ts';
import { check, type DrainSeen, isMember } from './checks.ts';

export const CLUSTER = 'cb';
export const DRAIN_TIMEOUT_MS = 10 * 60_000;
const RUNS = 3;
const EVENT_MS = 10_000;

/** The part of a cluster that a scenario has to itself, as others may play there too. */
export interface Place {
  /** Made by the scenario, with these labels. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What its pods need in order to keep to the nodes of its stage. */
  readonly nodeSelector: Readonly<Record<string, string>>;
}

export interface PlayOptions {
  readonly stage: Stage;
  readonly place: Place;
  readonly operator: StandInOperator;
  readonly watch: PodWatch;
  readonly recorder: Recorder;
  readonly timeline: Timeline;
  readonly drainer: Drainer;
  readonly size: number;
  /** How long anything that has to come about may take. */
  readonly patienceMs: number;
  /** On the clock of the operator. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

/** What the script of a scenario can do and wait for. */
export class Play {
  readonly drains: DrainSeen[] = [];
  /** What the script itself saw, for it may be over at the end. */
  readonly checks: Check[] = [];
  /** Nodes that were uncordoned. */
  readonly givenBack = new Set<string>();
  readonly options: PlayOptions;

  constructor(options: PlayOptions) {
    this.options = options;
  }

  get namespace(): string {
    return this.options.place.namespace;
  }

  /** The nodes with members, the fullest first. */
  nodes(): string[] {
    const counts = new Map<string, number>();
    for (const { node } of this.members()) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    return [...counts].sort(([a, m], [b, n]) => n - m || b.localeCompare(a)).map(([node]) => node);
  }

  node(): string {
    const [node] = this.nodes();
    if (node === undefined) throw new Error('no member has a node');
    return node;
  }

  members() {
    return this.options.watch.instances.filter((one) => !one.isGone && isMember(one));
  }

  membersOn(wanted: string) {
    return this.members().filter(({ node }) => node === wanted);
  }

  /** Drains once. Resolves to the exit code. With `cut` it is ended from outside, and its exit code says nothing. */
  drain(node: string, cut?: AbortSignal): Promise<number> {
    const drain = this.#drain(node, cut);
    // A script that breaks off leaves it to the signal.
    drain.catch(() => undefined);
    return drain;
  }

  async #drain(node: string, cut: AbortSignal | undefined): Promise<number> {
    const { recorder, timeline, drainer, signal, now } = this.options;
    const drained = new Set(this.membersOn(node).map(({ uid }) => uid));
    this.givenBack.delete(node);
    const beganAt = now();
    const ended = recorder.drain(node, drainer.name);
    const code = await drainer.drain({
      node,
      timeoutMs: DRAIN_TIMEOUT_MS,
      signal: cut === undefined ? signal : AbortSignal.any([signal, cut]),
      onLine: (line) => timeline.add({ who: drainer.voice, what: line }),
    });
    signal.throwIfAborted();
    const endedAt = now();
    const isCut = cut?.aborted === true;
    const result = isCut ? 'interrupted' : `exit code ${code}`;
    ended(result);
    timeline.add({ who: drainer.voice, what: result, node });
    const left = code === 0 ? await this.#leftOn(node) : [];
    this.drains.push({ node, drained, beganAt, endedAt, code, isCut, left });
    return code;
  }

  /** Asked of the API server: a watch may be behind. */
  async #leftOn(node: string): Promise<string[]> {
    const pods = await listPods(this.options.stage.client, this.namespace);
    return pods.filter((pod) => isMember(pod) && pod.node === node).map(({ name }) => name);
  }

  /** Drains as an administrator does while something breaks: again where it failed. Only the last run has to be right. */
  async drainUntilDone(node: string): Promise<void> {
    for (let run = 1; run <= RUNS; run++) {
      if ((await this.drain(node)) === 0) return;
      const last = this.drains.pop();
      if (last !== undefined) this.drains.push({ ...last, isCut: run < RUNS });
      if (run < RUNS) await this.calm();
    }
  }

  /** Tells what the rehearsal itself does to the cluster. */
  tell(what: string, node?: string): void {
    this.options.timeline.add({ who: 'rehearsal', what, ...(node === undefined ? {} : { node }) });
  }

  /** Where the log of the hook is now; lines before it do not count for `hookSays`. */
  get mark(): number {
    return this.options.stage.hook.lines.length;
  }

  hookSays(isIt: (line: LogLine) => boolean, since: number): Promise<LogLine> {
    const { stage, signal } = this.options;
    return stage.hook.waitForLine(isIt, { since, timeoutMs: this.options.patienceMs, signal });
  }

  marked(since: number): Promise<LogLine> {
    return this.hookSays((line) => line.namespace === this.namespace && line.message === LOG.marked, since);
  }

  refusedAgain(since: number): Promise<LogLine> {
    return this.hookSays((line) => line.namespace === this.namespace && line.message === LOG.waiting, since);
  }

  /** Waits for an Event of that reason. */
  async event(reason: string): Promise<void> {
    const { stage, signal, patienceMs } = this.options;
    const path = `/api/v1/namespaces/${this.namespace}/events`;
    const probe = async () => {
      const { items } = await stage.client.json({ method: 'GET', path });
      if (!(items as readonly JsonObject[]).some((event) => event.reason === reason)) throw new NotYet('none so far');
    };
    await until(`an Event ${reason}`, probe, { timeoutMs: Math.min(EVENT_MS, patienceMs), signal });
  }

  /** Waits for what must come about, and notes whether it did. */
  async expectThat(what: string, itComes: Promise<unknown>): Promise<void> {
    const problem = await itComes.then(() => undefined, describeError);
    this.options.signal.throwIfAborted();
    this.checks.push(check(what, problem === undefined ? [] : [problem]));
  }

  /** Waits for a state of the pods. */
  async see(what: string, isSo: () => boolean): Promise<void> {
    const probe = async () => {
      if (!isSo()) throw new NotYet('it is not so');
    };
    await until(what, probe, { timeoutMs: this.options.patienceMs, signal: this.options.signal });
  }

  /** The operator has nothing left to do. Throws where that does not come about. */
  async calm(): Promise<readonly Member[]> {
    const { stage, size, signal, patienceMs: timeoutMs } = this.options;
    const wanted = { namespace: this.namespace, cluster: CLUSTER, size, balanced: true, timeoutMs, signal };
    return workload.waitForMembers(stage.client, wanted);
  }

  async cordon(node: string, isCordoned: boolean): Promise<void> {
    this.tell(isCordoned ? 'cordons' : 'uncordons', node);
    if (!isCordoned) this.givenBack.add(node);
    await this.options.stage.client.json({
      method: 'PATCH',
      path: `/api/v1/nodes/${node}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { unschedulable: isCordoned ? true : null } },
    });
  }

  async pauseCluster(paused: boolean): Promise<void> {
    this.tell(paused ? 'pauses the cluster' : 'resumes the cluster');
    await workload.patchCluster(this.options.stage.client, this.namespace, CLUSTER, { paused });
  }

  expect(what: string, isSo: boolean, otherwise: string): void {
    this.checks.push(check(what, isSo ? [] : [otherwise]));
  }
}
