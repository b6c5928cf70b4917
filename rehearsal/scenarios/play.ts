import type { JsonObject } from '../../src/kube/client.ts';
import { describeError } from '../../src/kube/errors.ts';
import { LOG } from '../../src/log/messages.ts';
import { MESSAGES } from '../../src/policy/decision.ts';
import { resourcePath } from '../../testkit/couchbase/couchbasecluster-crd.ts';
import type { Member } from '../../testkit/couchbase/member.ts';
import * as workload from '../../testkit/couchbase/workload.ts';
import type { LogLine } from '../../testkit/log-lines.ts';
import { NotYet, until } from '../../testkit/until.ts';
import type { Check } from '../evidence/record.ts';
import { check, type DrainSeen } from '../evidence/verdict.ts';
import { isProtected } from '../operator/model.ts';
import type { StandInOperator } from '../operator/stand-in-operator.ts';
import type { Place, StartedHook } from '../venues/venue.ts';
import type { NamesSeen } from './checks.ts';
import { type DrainContext, drainOnce } from './drain.ts';
import type { Pin } from './pin.ts';

const RUNS = 3;

export interface PlayOptions extends DrainContext {
  readonly operator: StandInOperator;
  readonly names: NamesSeen;
  /** Where successors are bound to, if somewhere. */
  readonly pin: Pin;
}

export interface DrainHow {
  /** Ends it from outside; its exit code then says nothing. */
  readonly cut?: AbortSignal;
  /** The operator does not act before the drainer has retried so many pods. Default: all that are on the node. */
  readonly heldFor?: number;
}

/** What the script of a scenario can do and wait for. */
export class Play {
  readonly drains: DrainSeen[] = [];
  /** What the script itself saw, because it may be over at the end. */
  readonly checks: Check[] = [];
  /** Nodes that were uncordoned. */
  readonly givenBack = new Set<string>();
  readonly options: PlayOptions;
  #resume: (() => void) | undefined;

  constructor(options: PlayOptions) {
    this.options = options;
  }

  get client() {
    return this.options.site.client;
  }

  get place(): Place {
    return this.options.place;
  }

  get namespace(): string {
    return this.place.namespace;
  }

  get hook(): StartedHook {
    const { hook } = this.options.site;
    if (hook === undefined) throw new Error('this scenario needs the log of the hook, which an installed hook keeps');
    return hook;
  }

  /** The nodes with members, the fullest first. */
  nodes(): string[] {
    const counts = new Map<string, number>();
    for (const { node } of this.#protected()) if (node !== undefined) counts.set(node, (counts.get(node) ?? 0) + 1);
    return [...counts].sort(([a, m], [b, n]) => n - m || b.localeCompare(a)).map(([node]) => node);
  }

  /** The fullest node. */
  node(): string {
    const [node] = this.nodes();
    if (node === undefined) throw new Error('no member has a node');
    return node;
  }

  members() {
    return this.options.pods.instances.filter((one) => !one.isGone && this.place.isMember(one));
  }

  membersOn(wanted: string) {
    return this.members().filter(({ node }) => node === wanted);
  }

  /** Those of them that the hook has to protect now. */
  protectedOn(wanted: string) {
    return this.#protected().filter(({ node }) => node === wanted);
  }

  #protected() {
    return this.members().filter((one) => isProtected(this.place.model, one));
  }

  /** How often the operator has moved a pod of that name. */
  movesOf(wanted: string): number {
    const { pods, operator } = this.options;
    return pods.instances.filter(({ name, uid }) => name === wanted && operator.deletedAt.has(uid)).length;
  }

  /** Drains once. Resolves to the exit code. */
  drain(node: string, how: DrainHow = {}): Promise<number> {
    const drain = this.#drain(node, how);
    // A script that breaks off leaves it to the signal.
    drain.catch(() => undefined);
    return drain;
  }

  async #drain(node: string, how: DrainHow): Promise<number> {
    this.givenBack.delete(node);
    const seen = await drainOnce(this.options, { node, members: this.protectedOn(node), ...how });
    this.drains.push(seen);
    return seen.code;
  }

  /**
   * Drains as an administrator does while something breaks: a drain that failed is run again, once `inOrder` resolves. Only
   * the last run has to be right.
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

  /** Adds to the timeline what the rehearsal itself does to the cluster. */
  log(what: string, node?: string): void {
    this.options.evidence.timeline.add({ who: 'rehearsal', what, ...(node === undefined ? {} : { node }) });
  }

  /** Where the log of the hook is now; lines before it do not count for `hookSays`. */
  get mark(): number {
    return this.hook.process.lines.length;
  }

  hookSays(isIt: (line: LogLine) => boolean, since: number): Promise<LogLine> {
    const { signal, patienceMs: timeoutMs } = this.options;
    const isOurs = (line: LogLine) => line.namespace === this.namespace && isIt(line);
    const said = this.hook.process.waitForLine(isOurs, { since, timeoutMs, signal });
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

  /** What is waited for; rejects if the drain ends first. */
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

  /** The keys of the tracking entries now. */
  async entries(): Promise<string[]> {
    return Object.keys(workload.entriesOn(await this.client.json({ method: 'GET', path: this.place.trackerPath })));
  }

  /** UIDs of the members that an object asks to be moved; undefined if no object is asked. */
  async stillAsked(): Promise<ReadonlySet<string> | undefined> {
    const { model, cluster, kind } = this.place;
    const { isAsked, mark } = model;
    if (isAsked === undefined || mark !== undefined) return undefined;
    const raw = await this.client.json({ method: 'GET', path: resourcePath(kind, this.namespace, cluster) });
    const members = await workload.listMembers(this.client, {
      namespace: this.namespace,
      cluster,
      indexOf: model.indexOf,
    });
    return new Set(members.filter((member) => isAsked(member, model.view(raw))).map(({ uid }) => uid));
  }

  /** The members are in place and the operator has nothing left to do. Throws if that does not come about. */
  async calm(timeoutMs = this.options.patienceMs): Promise<readonly Member[]> {
    const { size, signal } = this.options;
    const { namespace, cluster, kind, model } = this.place;
    const wanted = { namespace, cluster, size, kind, indexOf: model.indexOf, balanced: true, timeoutMs, signal };
    return workload.waitForMembers(this.client, wanted);
  }

  async cordon(node: string, isCordoned: boolean): Promise<void> {
    this.log(isCordoned ? 'cordons' : 'uncordons', node);
    if (!isCordoned) {
      this.givenBack.add(node);
      // From here on the hook may see it before anybody else does.
      this.options.evidence.history.node(node, false);
    }
    await this.client.json({
      method: 'PATCH',
      path: `/api/v1/nodes/${node}`,
      contentType: 'application/merge-patch+json',
      body: { spec: { unschedulable: isCordoned ? true : null } },
    });
  }

  /** As the custom resource says it; the operator itself is paused if there is no word for that. */
  async pauseCluster(paused: boolean): Promise<void> {
    this.log(paused ? 'pauses the cluster' : 'resumes the cluster');
    const { pausedBy } = this.place.model;
    if (pausedBy !== undefined) return this.#patchCluster(paused ? pausedBy.paused : pausedBy.resumed);
    if (paused) this.#resume = await this.options.pause.begin();
    else this.#resume?.();
  }

  /** Whether the data is in order, so that a member may be taken away. */
  async setInSync(isInSync: boolean): Promise<void> {
    this.log(isInSync ? 'the data is in order again' : this.place.model.outOfSync);
    await this.#patchCluster({ spec: { dataInSync: isInSync } });
  }

  /** From now on members come back under other names. */
  async changeNames(): Promise<void> {
    const { renamedBy } = this.place.model;
    if (renamedBy === undefined) throw new Error('the names of its members never change');
    this.log('changes the specification of the members');
    await this.#patchCluster(renamedBy);
  }

  async #patchCluster(body: JsonObject): Promise<void> {
    const { cluster, kind } = this.place;
    const path = resourcePath(kind, this.namespace, cluster);
    await this.client.json({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  }
}
