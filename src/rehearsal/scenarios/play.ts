import type { JsonObject } from '../../kube/client.ts';
import { describeError } from '../../kube/errors.ts';
import { LOG } from '../../logs.ts';
import type { Drainer } from '../drainers/drainer.ts';
import type { LogLine } from '../log-lines.ts';
import type { Member } from '../member.ts';
import type { StandInOperator } from '../operator.ts';
import type { PodWatch } from '../pod-watch.ts';
import type { Check } from '../record.ts';
import type { Recorder } from '../recorder.ts';
import type { Stage } from '../stage.ts';
import type { Timeline } from '../timeline.ts';
import { NotYet, until } from '../until.ts';
import * as workload from '../workload.ts';
import { check, type DrainSeen } from './checks.ts';

export const NAMESPACE = 'db';
export const CLUSTER = 'cb';
const DRAIN_TIMEOUT_MS = 10 * 60_000;
const RUNS = 3;

export interface PlayOptions {
  readonly stage: Stage;
  readonly operator: StandInOperator;
  readonly watch: PodWatch;
  readonly recorder: Recorder;
  readonly timeline: Timeline;
  readonly drainer: Drainer;
  readonly size: number;
  readonly periodMs: number;
  readonly signal: AbortSignal;
}

/** What the script of a scenario can do and wait for. */
export class Play {
  readonly drains: DrainSeen[] = [];
  /** What the script itself saw, for it may be over at the end. */
  readonly checks: Check[] = [];
  readonly options: PlayOptions;

  constructor(options: PlayOptions) {
    this.options = options;
  }

  get #timeoutMs(): number {
    return 60_000 + 10 * this.options.periodMs;
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
    return this.options.watch.instances.filter(({ isGone, labels }) => !isGone && labels.app === 'couchbase');
  }

  /** Drains once. Resolves to the exit code. With `cut` it is ended from outside, and its exit code says nothing. */
  async drain(node: string, cut?: AbortSignal): Promise<number> {
    const { recorder, timeline, drainer, signal } = this.options;
    const on = this.members().filter((member) => member.node === node);
    const ended = recorder.drain(node, drainer.name);
    const code = await drainer.drain({
      node,
      timeoutMs: DRAIN_TIMEOUT_MS,
      signal: cut === undefined ? signal : AbortSignal.any([signal, cut]),
      onLine: (line) => timeline.add({ who: drainer.voice, what: line }),
    });
    signal.throwIfAborted();
    const result = cut?.aborted ? 'interrupted' : `exit code ${code}`;
    ended(result);
    timeline.add({ who: drainer.voice, what: result, node });
    const isCut = cut?.aborted === true;
    this.drains.push({ node, drained: new Set(on.map(({ uid }) => uid)), code, isCut });
    return code;
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
    return stage.hook.waitForLine(isIt, { since, timeoutMs: this.#timeoutMs, signal });
  }

  marked(since: number): Promise<LogLine> {
    return this.hookSays((line) => line.namespace === NAMESPACE && line.message === LOG.marked, since);
  }

  refusedAgain(since: number): Promise<LogLine> {
    return this.hookSays((line) => line.namespace === NAMESPACE && line.message === LOG.waiting, since);
  }

  /** Waits for an Event of that reason, and notes whether there was one. */
  async event(reason: string): Promise<void> {
    const { stage, signal } = this.options;
    const path = `/api/v1/namespaces/${NAMESPACE}/events`;
    const probe = async () => {
      const { items } = await stage.client.json({ method: 'GET', path });
      if (!(items as readonly JsonObject[]).some((event) => event.reason === reason)) throw new NotYet('none so far');
    };
    const problem = await until(`an Event ${reason}`, probe, { timeoutMs: 10_000, signal }).catch(describeError);
    signal.throwIfAborted();
    this.checks.push(check(`an Event ${reason} tells of it`, problem === undefined ? [] : [problem]));
  }

  /** Waits for a state of the pods. */
  async see(what: string, isSo: () => boolean): Promise<void> {
    const probe = async () => {
      if (!isSo()) throw new NotYet('it is not so');
    };
    await until(what, probe, { timeoutMs: this.#timeoutMs, signal: this.options.signal });
  }

  /** The operator has nothing left to do. Throws where that does not come about. */
  async calm(): Promise<readonly Member[]> {
    const { stage, size, signal } = this.options;
    const wanted = { namespace: NAMESPACE, cluster: CLUSTER, size, balanced: true, timeoutMs: this.#timeoutMs, signal };
    return workload.waitForMembers(stage.client, wanted);
  }

  async cordon(node: string, isCordoned: boolean): Promise<void> {
    this.tell(isCordoned ? 'cordons' : 'uncordons', node);
    await this.options.stage.client.json({
      method: 'PATCH',
      path: `/api/v1/nodes/${node}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { unschedulable: isCordoned ? true : null } },
    });
  }

  async pauseCluster(paused: boolean): Promise<void> {
    this.tell(paused ? 'pauses the cluster' : 'resumes the cluster');
    await workload.patchCluster(this.options.stage.client, NAMESPACE, CLUSTER, { paused });
  }

  expect(what: string, isSo: boolean, otherwise: string): void {
    this.checks.push(check(what, isSo ? [] : [otherwise]));
  }
}
