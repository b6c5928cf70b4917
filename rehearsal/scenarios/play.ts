import { describeError } from '../../src/kube/errors.ts';
import { LOG } from '../../src/log/messages.ts';
import { MESSAGES } from '../../src/policy/decision.ts';
import type { Member } from '../../testkit/couchbase/member.ts';
import * as workload from '../../testkit/couchbase/workload.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import { NotYet, until } from '../../testkit/until.ts';
import type { Drainer } from '../drainers/drainer.ts';
import { seeDrain } from '../evidence/held-drain.ts';
import type { Hold } from '../evidence/hold.ts';
import type { HookGuard } from '../evidence/hook-guard.ts';
import type { PodWatch } from '../evidence/pod-watch.ts';
import type { Check } from '../evidence/record.ts';
import type { Recorder } from '../evidence/recorder.ts';
import type { Timeline } from '../evidence/timeline.ts';
import { check, type DrainSeen } from '../evidence/verdict.ts';
import type { Witness } from '../evidence/witness.ts';
import type { StandInOperator } from '../operator/stand-in-operator.ts';
import type { Stage } from '../venues/stage.ts';
import { isMember } from './checks.ts';

export const CLUSTER = 'cb';
export const DRAIN_TIMEOUT_MS = 10 * 60_000;
const RUNS = 3;

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
  readonly hold: Hold;
  readonly guard: HookGuard;
  readonly watch: PodWatch;
  readonly recorder: Recorder;
  readonly witness: Witness;
  readonly timeline: Timeline;
  readonly drainer: Drainer;
  readonly size: number;
  /** How long anything that has to come about may take. */
  readonly patienceMs: number;
  /** On the clock of the operator. */
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export interface DrainHow {
  /** Ends it from outside; its exit code then says nothing. */
  readonly cut?: AbortSignal;
  /** The operator does not act before the drainer has asked again for so many pods. Default: for all that are on the node. */
  readonly heldFor?: number;
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

  /** How often the operator has moved a pod of that name. */
  movesOf(wanted: string): number {
    const { watch, operator } = this.options;
    return watch.instances.filter(({ name, uid }) => name === wanted && operator.deletedAt.has(uid)).length;
  }

  /** Drains once. Resolves to the exit code. */
  drain(node: string, how: DrainHow = {}): Promise<number> {
    const drain = this.#drain(node, how);
    // A script that breaks off leaves it to the signal.
    drain.catch(() => undefined);
    return drain;
  }

  async #drain(node: string, { cut, heldFor }: DrainHow): Promise<number> {
    const { stage, recorder, timeline, drainer, signal } = this.options;
    const sight = { ...this.options, client: stage.client, namespace: this.namespace, isMember };
    this.givenBack.delete(node);
    const seen = await seeDrain(sight, { node, members: this.membersOn(node), heldFor, cut }, async () => {
      const ended = recorder.drain(node, drainer.name);
      const code = await drainer.drain({
        node,
        timeoutMs: DRAIN_TIMEOUT_MS,
        signal: cut === undefined ? signal : AbortSignal.any([signal, cut]),
        onLine: (line) => timeline.add({ who: drainer.voice, what: line }),
      });
      const result = cut?.aborted === true ? 'interrupted' : `exit code ${code}`;
      ended(result);
      timeline.add({ who: drainer.voice, what: result, node });
      return code;
    });
    this.drains.push(seen);
    return seen.code;
  }

  /**
   * Drains as an administrator does while something breaks: again where it failed, once it is said to be in order. Only the
   * last run has to be right.
   */
  drainUntilDone(node: string, inOrder: Promise<unknown>): Promise<void> {
    const drains = this.#drainUntilDone(node, inOrder);
    drains.catch(() => undefined);
    return drains;
  }

  async #drainUntilDone(node: string, inOrder: Promise<unknown>): Promise<void> {
    for (let run = 1; run <= RUNS; run++) {
      if ((await this.drain(node, { heldFor: 0 })) === 0) return;
      const last = this.drains.pop();
      if (last !== undefined) this.drains.push({ ...last, isCut: run < RUNS });
      await inOrder;
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
    const isOurs = (line: LogLine) => line.namespace === this.namespace && isIt(line);
    const said = stage.hook.waitForLine(isOurs, { since, timeoutMs: this.options.patienceMs, signal });
    said.catch(() => undefined);
    return said;
  }

  /** Of any pod on any node, or of the one on that node. */
  marked(since: number, name?: string, node?: string): Promise<LogLine> {
    const isIt = (line: LogLine) => (name ?? line.pod) === line.pod && (node ?? line.node) === line.node;
    return this.hookSays((line) => line.message === LOG.marked && isIt(line), since);
  }

  refusedAgain(since: number): Promise<LogLine> {
    const isIt = ({ message, answer }: LogLine) =>
      message === LOG.waiting && String(answer).startsWith(MESSAGES.waiting);
    return this.hookSays(isIt, since);
  }

  /** What is waited for; rejects where the drain ends first. */
  async during<T>(drain: Promise<unknown>, it: Promise<T>): Promise<T> {
    const ended = drain.then(() => {
      throw new NotYet('the drain had ended');
    });
    return Promise.race([it, ended]);
  }

  /** Waits for what must come about, and notes whether it did, which is what it resolves to. */
  async expectThat(what: string, itComes: Promise<unknown>): Promise<boolean> {
    const problem = await itComes.then(() => undefined, describeError);
    this.options.signal.throwIfAborted();
    this.checks.push(check(what, problem === undefined ? [] : [problem]));
    return problem === undefined;
  }

  expect(what: string, isSo: boolean, otherwise: string): void {
    this.checks.push(check(what, isSo ? [] : [otherwise]));
  }

  /** Waits for a state of the pods. */
  async see(what: string, isSo: () => boolean): Promise<void> {
    await this.until(what, async () => {
      if (!isSo()) throw new NotYet('it is not so');
    });
  }

  until<T>(what: string, probe: () => Promise<T>): Promise<T> {
    const { signal, patienceMs: timeoutMs } = this.options;
    return until(what, probe, { timeoutMs, signal });
  }

  /** The operator has nothing left to do. Throws where that does not come about. */
  async calm(): Promise<readonly Member[]> {
    const { stage, size, signal, patienceMs: timeoutMs } = this.options;
    const wanted = { namespace: this.namespace, cluster: CLUSTER, size, balanced: true, timeoutMs, signal };
    return workload.waitForMembers(stage.client, wanted);
  }

  async cordon(node: string, isCordoned: boolean): Promise<void> {
    const { stage, witness } = this.options;
    this.tell(isCordoned ? 'cordons' : 'uncordons', node);
    if (!isCordoned) {
      this.givenBack.add(node);
      // From here on the hook may see it before anybody else is told.
      witness.node(node, false);
    }
    await stage.client.json({
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
}
