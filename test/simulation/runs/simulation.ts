import { trackerPath } from '../../../src/kube/paths.ts';
import { namespaceTracking } from '../../../src/policy/tracking/namespace.ts';
import { Admission, type ControllerTask, Eviction, type SimTask } from '../actions/admission.ts';
import { furnish } from '../actions/furnish.ts';
import { Invariants } from '../checks/invariants.ts';
import type { Mutation } from '../faults/mutation.ts';
import { ApiServer, WATCH_KINDS } from '../model/api-server.ts';
import { CALL_TIMEOUT_MS, Calls } from '../model/calls.ts';
import { quiet, SimClock } from '../model/clock.ts';
import { Drainer } from '../model/drainer.ts';
import { ANSWER_WITHIN_MS, HookProcess } from '../model/hook-process.ts';
import { type Installation, OURS, SECOND } from '../model/installations.ts';
import { NAMESPACE, shown } from '../model/objects.ts';
import { Operator } from '../model/operator.ts';
import { hasOtherTracker, trackingOf, usesTracker } from './settings.ts';
import type { Variant } from './variant.ts';

/** One replica, which runs at most one process of the hook. */
export interface Replica {
  readonly name: string;
  readonly installation: Installation;
  process: HookProcess<SimTask> | undefined;
  /** The error of its wall clock. */
  skewMs: number;
}

/** The number of admissions that can be under way at once. */
const SLOTS = 6;

/** The whole system in one process. Nothing changes except through the methods of this object and its parts. */
export class Simulation {
  readonly clock = new SimClock();
  readonly variant: Variant;
  readonly mutation: Mutation;
  readonly invariants: Invariants;
  readonly server: ApiServer<SimTask>;
  readonly calls: Calls<SimTask>;
  /** One for each family of pods. */
  readonly operators: readonly Operator[];
  /** All names that members may have. */
  readonly names: readonly string[];
  readonly drainers: readonly Drainer[];
  readonly ours: readonly Replica[];
  /** The one replica of the second installation. */
  readonly second: Replica | undefined;
  readonly replicas: readonly Replica[];
  readonly slots: (Admission | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** The number of decisions by reason. */
  readonly answers = new Map<string, number>();
  /** What happened, for people; only on request. */
  readonly notes: string[] | undefined;

  constructor(variant: Variant, mutation: Mutation = {}, keepsNotes = false) {
    this.variant = variant;
    this.mutation = mutation;
    this.notes = keepsNotes ? [] : undefined;
    this.invariants = new Invariants(this.clock, variant);
    this.server = new ApiServer<SimTask>(this.clock, variant, this.invariants);
    this.invariants.watch(this.server);
    this.calls = new Calls<SimTask>(
      this.server,
      () => this.clock.now,
      (text) => this.note(text),
    );
    this.operators = variant.families.map((family) => new Operator(this.server, family, variant));
    this.names = this.operators.flatMap(({ names }) => names);
    this.drainers = variant.drainers.map((kind, i) => new Drainer(`${kind.name}-${i}`, kind, this.server));
    furnish(this);
    if (variant.second !== 'none') this.server.registrations.set(SECOND, -1);
    this.ours = Array.from({ length: variant.replicas }, (_, i) => ({
      name: `r${i}`,
      installation: OURS,
      process: undefined,
      skewMs: i === 0 ? variant.aheadMs : 0,
    }));
    this.second =
      variant.second === 'none' ? undefined : { name: 's0', installation: SECOND, process: undefined, skewMs: 0 };
    this.replicas = this.second === undefined ? this.ours : [...this.ours, this.second];
    for (const replica of this.replicas) {
      this.startProcess(replica);
      for (const kind of WATCH_KINDS) replica.process?.list(kind);
    }
  }

  note(text: string): void {
    this.notes?.push(text);
  }

  startProcess(replica: Replica): boolean {
    if (replica.process !== undefined || !this.server.registrations.has(replica.installation)) return false;
    const controllerTask: ControllerTask = { kind: 'controller', name: `the controller of ${replica.name}`, calls: [] };
    const { clock, server, calls, variant, mutation } = this;
    replica.process = new HookProcess<SimTask>({
      clock,
      server,
      calls,
      variant,
      installation: replica.installation,
      mutation,
      controllerTask,
      skewMs: () => replica.skewMs,
      onMark: (decision, task) => this.invariants.decided(decision, task),
      onPrune: (...what) => this.invariants.decidedToPrune(...what),
      onForget: (name, uid, received) => this.invariants.forgot(name, uid, received),
    });
    return true;
  }

  /** Kills the process between any two steps. Its pending requests fail for their callers. */
  crash(replica: Replica): boolean {
    const { process } = replica;
    if (process === undefined) return false;
    replica.process = undefined;
    this.clock.dropTimersOf(process);
    this.calls.abandon(process.controllerTask);
    for (const [slot, admission] of this.slots.entries()) {
      if (admission?.process !== process) continue;
      this.calls.abandon(admission);
      this.#leave(slot, admission);
      if (!admission.isOrphan && !admission.isAnswered) this.#conclude(admission, 500);
    }
    return true;
  }

  /** A drainer sends an eviction for a pod. The API server calls this replica, and the second installation if it is registered. */
  ask(drainer: Drainer, podName: string, replica: Replica): boolean {
    const asked = drainer.requestFor(podName);
    const isSecondAsked = this.second !== undefined && this.server.registrations.has(this.second.installation);
    const called = isSecondAsked && this.second !== undefined ? [replica, this.second] : [replica];
    const free = [...this.slots.keys()].filter((slot) => this.slots[slot] === undefined);
    if (asked === undefined || called.some(({ process }) => process === undefined)) return false;
    if (free.length < called.length) return false;
    asked.target.state = 'asking';
    const eviction = new Eviction();
    const from = { ...asked, eviction, startedAt: this.clock.now, drainer };
    for (const [i, { name, process }] of called.entries()) {
      const slot = free[i] ?? 0;
      const title = `t${slot} (${drainer.name} evicts ${shown(podName)} at ${name})`;
      if (process !== undefined) this.#admit(slot, new Admission(title, asked.request, { ...from, process }));
    }
    return true;
  }

  /**
   * The API server, or a client's transport, sends the same request again to this replica. Nobody waits for the first
   * one.
   */
  resend(slot: number, { name, installation, process }: Replica): boolean {
    const first = this.slots[slot];
    const free = this.slots.indexOf(undefined);
    if (first === undefined || first.isOrphan || first.isAnswered || process === undefined || free === -1) return false;
    if (first.process.installation !== installation) return false;
    first.isOrphan = true;
    const { request, drainer, target, eviction } = first;
    this.#admit(
      free,
      new Admission(`t${free} (${drainer.name} evicts ${shown(request.name)} again, at ${name})`, request, {
        startedAt: this.clock.now,
        target,
        drainer,
        process,
        eviction,
      }),
      first,
    );
    return true;
  }

  /**
   * The hook's response reaches the API server, which acts on it and responds to the drainer. `isLost`: the drainer
   * gets an error.
   */
  answer(slot: number, isLost: boolean): boolean {
    const admission = this.slots[slot];
    if (admission?.decision === undefined || admission.isAnswered) return false;
    admission.isAnswered = true;
    this.sweep();
    if (admission.isOrphan) return true;
    this.#conclude(admission, isLost ? 500 : this.#denial(admission, admission.decision));
    return true;
  }

  /** Frees the slots of answered admissions without calls under way. */
  sweep(): void {
    for (const [slot, admission] of this.slots.entries()) {
      if (admission?.isAnswered && admission.calls.length === 0) this.#leave(slot, admission);
    }
  }

  /** Creates the tracker, if the variant has one and it does not exist. */
  createTracker(): boolean {
    const [resource] = trackingOf(this.variant).resources;
    const { tracking } = this.variant;
    if (resource === undefined || tracking === 'missing' || !usesTracker(this.variant)) return false;
    if (this.server.trackerSince !== undefined) return false;
    const place = resource.isNamespaced
      ? { resource, namespace: NAMESPACE, name: 'cb' }
      : { resource, name: NAMESPACE };
    this.server.createTracker({ kind: 'trackers', path: trackerPath(place), name: place.name });
    return true;
  }

  /** Creates the Namespace, if it carries entries beside the tracker of the variant. It is never deleted. */
  createNamespace(): void {
    const [resource] = namespaceTracking.resources;
    if (resource === undefined || !hasOtherTracker(this.variant) || this.variant.usesConfigMap) return;
    this.server.createTracker({ kind: 'others', path: trackerPath({ resource, name: NAMESPACE }), name: NAMESPACE });
  }

  operatorOf(name: string): Operator | undefined {
    return this.operators.find(({ names }) => names.includes(name));
  }

  /** `after` runs after each due timer, and is awaited. */
  async advance(ms: number, after: () => Promise<void> = quiet): Promise<void> {
    const end = this.clock.now + ms;
    for (let due = this.#nextDue(); due <= end; due = this.#nextDue()) {
      await this.clock.advance(Math.max(0, due - this.clock.now), after);
      const isTimedOut = this.tasks().map((task) => this.calls.timeOut(task));
      if (isTimedOut.includes(true)) await after();
    }
    await this.clock.advance(end - this.clock.now, after);
    this.#lookForLateAnswers();
    this.invariants.changed();
  }

  /** A call may hang for longer than an eviction may wait (i). */
  #lookForLateAnswers(): void {
    for (const admission of this.slots) {
      if (admission === undefined || admission.decision !== undefined) continue;
      this.invariants.checkWait(admission);
      const waitedMs = this.clock.now - admission.startedAt;
      if (waitedMs > ANSWER_WITHIN_MS) this.invariants.violate('i', `${admission.name} waits for ${waitedMs} ms`);
    }
  }

  /** When the next timer fires, or the next call exceeds its time. */
  #nextDue(): number {
    return Math.min(
      this.clock.nextDue,
      ...this.tasks().flatMap(({ calls }) => calls.map(({ sentAt }) => sentAt + CALL_TIMEOUT_MS + 1)),
    );
  }

  /** All tasks that may have calls under way. */
  tasks(): SimTask[] {
    const controllers = this.replicas.flatMap(({ process }) => process?.controllerTask ?? []);
    return [...this.slots.filter((admission) => admission !== undefined), ...controllers];
  }

  /** One installation has answered, or never will. The drainer hears when all have. */
  #conclude(admission: Admission, denial: number | undefined): void {
    const { eviction, drainer, target } = admission;
    eviction.open.delete(admission);
    eviction.denial ??= denial;
    if (eviction.open.size === 0) drainer.receive(target, eviction.denial ?? this.#letThrough(eviction));
  }

  /** The code of a denial, or undefined for an allow. */
  #denial(admission: Admission, decision: NonNullable<Admission['decision']>): number | undefined {
    if (decision.kind === 'allow') return undefined;
    const code = decision.kind === 'mark' ? 429 : decision.code;
    this.note(`${admission.name} is told ${code}, ${decision.reason}`);
    this.invariants.refused(code, admission);
    return code;
  }

  #letThrough({ admissions }: Eviction): number {
    for (const admission of admissions) this.invariants.allowed(admission);
    const { request, name, decision } = admissions[0] as Admission;
    const { code, pod } = this.server.evict(request.name, { uid: request.uid, dryRun: request.dryRun });
    this.note(`${name} is allowed, ${decision?.reason}: ${code}`);
    if (pod === undefined) return code;
    for (const admission of admissions) this.invariants.evicted(pod, admission);
    this.server.terminatePod(pod, request.graceSeconds);
    return code;
  }

  #admit(slot: number, admission: Admission, instead?: Admission): void {
    const { process, request } = admission;
    this.slots[slot] = admission;
    admission.eviction.add(admission, instead);
    this.invariants.underWay.add(admission);
    this.invariants.look(admission);
    void process.admit(request, admission).then((decision) => {
      admission.decision = decision;
      this.answers.set(decision.reason, (this.answers.get(decision.reason) ?? 0) + 1);
      this.invariants.decidedFinally(admission, decision);
      this.note(`${admission.name} is decided: ${decision.kind} ${decision.rule} ${decision.reason}`);
      if (this.mutation.consumesEntries && decision.reason === 'Rescheduled') this.#consume(admission);
    });
  }

  #leave(slot: number, admission: Admission): void {
    this.slots[slot] = undefined;
    this.invariants.left(admission);
  }

  /** For a planted fault. */
  #consume({ process, request }: Admission): void {
    process.consume(`${NAMESPACE}/${request.name}`);
    for (const tracker of this.server.trackers.values()) {
      const others = Object.entries(tracker.annotations).filter(([key]) => !key.endsWith(`.${request.name}`));
      this.server.changeTracker(tracker, Object.fromEntries(others));
    }
  }
}
