import type { ClusterView, Member } from '../../testkit/couchbase/member.ts';
import { isMarked, isProtected, type OperatorModel, type Reports, type Role } from './model.ts';
import type { Memory, OperatorPlan, OperatorStatus, PlanSettings, Sight, Step, WaitingFor } from './plan.ts';

/**
 * What an operator does next for one cluster. Pure, and level-triggered: everything follows from the members that exist,
 * the names that the status knows, and what a rebalance has taken in. `memory` is undefined at the first look, which
 * takes the members that are Ready by then for rebalanced.
 */
export function planCluster(
  sight: Sight,
  memory: Memory | undefined,
  settings: PlanSettings,
  now: number,
): OperatorPlan {
  const look = new Look(sight, memory ?? firstMemory(sight.members), settings, now);
  if (sight.cluster.paused) return { steps: [], memory: look.memory, waitingFor: 'paused' };
  return look.plan();
}

type Decided = Pick<OperatorPlan, 'steps' | 'waitingFor' | 'lookAgainInMs'>;

/** One look at one cluster; each method below is one thing that may have to be done first. */
class Look {
  readonly #cluster: ClusterView;
  readonly #members: readonly Member[];
  readonly #cordoned: ReadonlySet<string>;
  readonly #taints: ReadonlyMap<string, readonly string[]>;
  readonly #isDue: boolean;
  readonly #model: OperatorModel;
  readonly #settings: PlanSettings;
  readonly #now: number;
  readonly #nextIndex: number;
  memory: Memory;

  constructor(
    { cluster, members, cordoned = new Set(), taints = new Map(), isDue = true }: Sight,
    memory: Memory,
    settings: PlanSettings,
    now: number,
  ) {
    this.#cluster = cluster;
    this.#members = members;
    this.#cordoned = cordoned;
    this.#taints = taints;
    this.#isDue = isDue;
    this.#model = settings.model;
    this.#settings = settings;
    this.#now = now;
    this.#nextIndex = Math.max(cluster.nextIndex, ...members.map(({ index }) => index + 1), 0);
    this.memory = memory;
  }

  plan(): OperatorPlan {
    const rebalanced = this.#finishRebalance();
    this.#noteTaints();
    this.#choose();
    const decided: Decided =
      this.#unfinished() ?? this.#missing() ?? this.#newcomers() ?? this.#roles() ?? this.#moves();
    const steps = [...this.#gates(), ...rebalanced, ...this.#calledOff(), ...decided.steps];
    for (const step of steps) {
      if (step.kind === 'delete') this.#remember(step.member.index);
    }
    return { ...decided, steps, memory: this.memory, status: this.#status(steps, decided) };
  }

  /** Members that have no node or container yet, are on their way out, or have ended. */
  #unfinished(): Decided | undefined {
    if (this.#members.some(({ phase, terminating }) => phase === 'Pending' || terminating)) {
      return { waitingFor: 'pending', ...this.#emptied() };
    }
    const ended = this.#members.filter(({ phase }) => phase === 'Failed' || phase === 'Succeeded');
    if (ended.length === 0) return undefined;
    return { steps: ended.map((member): Step => ({ kind: 'delete', member, why: 'ended' })) };
  }

  /** Members that are terminating, and that only a finalizer of the operator keeps. */
  #emptied(): Decided {
    const { model, emptyMs } = this.#settings;
    const held = this.#members.filter(({ terminating, finalizers }) => terminating && finalizers.length > 0);
    const due = this.#due(held, (member) => {
      const isCordoned = member.node !== undefined && this.#cordoned.has(member.node);
      return model.isEmptied?.(this.#cluster, member, isCordoned) ? emptyMs : 0;
    });
    return { ...due, steps: due.members.map((member): Step => ({ kind: 'let go', member })) };
  }

  /** Fewer members than the size: those that were deleted in place come back, for the rest there are new numbers. */
  #missing(): Decided | undefined {
    const count = this.#wantedSize - this.#members.length;
    if (count <= 0) return undefined;
    const back = this.#comingBack();
    const delays = back.map((index) => this.#recreateAt(index) - this.#now).filter((ms) => ms > 0);
    if (delays.length > 0) return { steps: [], waitingFor: 'recreate', lookAgainInMs: Math.min(...delays) };
    const steps = [
      ...back.map((index) => this.#creation(index, 'recreate')),
      ...this.#free(count - back.length).map((index) => this.#creation(index, 'scale up')),
    ];
    return { steps };
  }

  #newcomers(): Decided | undefined {
    const fresh = this.#members.filter(({ uid }) => !this.memory.balanced.has(uid));
    if (fresh.length === 0) return undefined;
    if (fresh.some(({ ready }) => !ready)) return { steps: [], waitingFor: 'ready' };
    const running = this.memory.rebalance;
    const unknown = fresh.filter(({ uid }) => !running?.uids.has(uid));
    // A member that came meanwhile makes the rebalance start over.
    const until =
      running !== undefined && unknown.length === 0 ? running.until : this.#now + this.#settings.rebalanceMs;
    this.memory = { ...this.memory, rebalance: { until, uids: new Set(fresh.map(({ uid }) => uid)) } };
    return {
      steps: unknown.map((member): Step => ({ kind: 'ready', member })),
      waitingFor: 'rebalance',
      lookAgainInMs: until - this.#now,
    };
  }

  /** All is in place: the next chosen members are moved, or surplus ones go. */
  #moves(): Decided {
    const next = this.#next();
    const surplus = this.#members.length - this.#cluster.size;
    const isSurging = this.#cluster.process === 'surge' && next.length > 0;
    if (surplus > (isSurging ? 1 : 0)) return { steps: this.#surplusGoes(next, surplus) };
    if (next.length === 0) return { steps: [] };
    const kept = this.#keptBy(next);
    if (kept !== undefined) return { steps: [], waitingFor: kept };
    if (isSurging && surplus < 1) return { steps: this.#free(1).map((index) => this.#creation(index, 'surge')) };
    return this.#lets(next);
  }

  /** Does for them what its operator does. */
  #lets(next: readonly Member[]): Decided {
    const { reports, role } = this.#model;
    if (reports !== undefined) return this.#prepares(next, reports);
    if (role !== undefined) return this.#handsOver(next, role);
    if (this.#cluster.process === 'swap') {
      return { steps: this.#free(next.length).map((index) => this.#creation(index, 'swap in')) };
    }
    return this.#goes(next);
  }

  #surplusGoes(next: readonly Member[], surplus: number): Step[] {
    const others = this.#members.filter((member) => !next.includes(member)).reverse();
    const swapped = this.#cluster.process === 'surge' ? [] : this.#chosen();
    return [
      ...swapped.map((member): Step => ({ kind: 'delete', member, why: 'swapped out' })),
      ...others
        .filter((member) => !swapped.includes(member))
        .map((member): Step => ({ kind: 'delete', member, why: 'scale down' })),
    ].slice(0, surplus);
  }

  /** Why none may go now. */
  #keptBy(next: readonly Member[]): WaitingFor | undefined {
    if (!this.#cluster.isInSync) return 'sync';
    const isOtherUnready = this.#members.some((member) => !member.ready && !next.includes(member));
    return this.#model.needsOthersReady && isOtherUnready ? 'others' : undefined;
  }

  /** Deletes those that are prepared. */
  #goes(next: readonly Member[]): Decided {
    const due = this.#due(next, () => this.#settings.prepareMs);
    const deleted = due.members.map((member): Step => ({ kind: 'delete', member, why: 'in place' }));
    return { ...preparing(due), steps: [...this.#marks(next), ...deleted] };
  }

  /** Says of each how far it is, and deletes none. */
  #prepares(next: readonly Member[], { read }: Reports): Decided {
    const due = this.#due(next, () => this.#settings.prepareMs);
    const reports = next.flatMap((member): Step[] => {
      const progress = due.members.includes(member) ? 'done' : 'begun';
      return read(member) === progress ? [] : [{ kind: 'report', member, progress }];
    });
    return { ...preparing(due), steps: [...this.#marks(next), ...reports] };
  }

  /** Another one that is Ready gets the role, wherever it is. */
  #handsOver([member]: readonly Member[], { handedOver }: Role): Decided {
    const to = this.#members.find((one) => one.ready && one.uid !== member?.uid);
    if (member === undefined || to === undefined) return { steps: [], waitingFor: 'others' };
    const due = this.#due([member], () => this.#settings.prepareMs);
    if (due.members.length === 0) return { ...preparing(due), steps: [] };
    return { steps: [{ kind: 'hand over', member, to, status: handedOver(this.#cluster) }] };
  }

  /** New members get their role; the first one that is Ready is the primary if there is none. */
  #roles(): Decided | undefined {
    const { role } = this.#model;
    if (role === undefined) return undefined;
    const hasPrimary = this.#members.some((member) => isProtected(this.#model, member));
    const heir = hasPrimary ? undefined : this.#members.find(({ ready }) => ready);
    const bare = this.#members.filter(({ labels }) => labels[role.label] === undefined);
    const named = [...new Set([...(heir === undefined ? [] : [heir]), ...bare])];
    if (named.length === 0) return undefined;
    const value = (member: Member) => (member === heir ? role.primary : role.replica);
    return {
      steps: named.map((member): Step => ({ kind: 'name role', member, value: value(member) })),
      waitingFor: 'ready',
    };
  }

  /** Reports on members that nobody asks for any more. */
  #calledOff(): Step[] {
    const { reports } = this.#model;
    if (reports === undefined) return [];
    const wanted = this.#wanted();
    const left = this.#members.filter((member) => reports.read(member) !== 'none' && !wanted.includes(member));
    return left.map((member): Step => ({ kind: 'report', member, progress: 'none' }));
  }

  /** Of those that it moves without having been asked. */
  #marks(next: readonly Member[]): Step[] {
    const { annotation } = this.#settings;
    if (!this.#model.marksItself) return [];
    return next.filter((member) => !isMarked(member, annotation)).map((member): Step => ({ kind: 'mark', member }));
  }

  /** Those whose time is over, and when that of the next one is; it begins at the first look. */
  #due(
    members: readonly Member[],
    takesMs: (member: Member) => number,
  ): { readonly members: readonly Member[]; readonly lookAgainInMs?: number } {
    const before = this.memory.busyUntil ?? new Map<string, number>();
    const until = new Map(members.map((one) => [one.uid, before.get(one.uid) ?? this.#now + takesMs(one)]));
    this.memory = { ...this.memory, busyUntil: until };
    const left = [...until.values()].filter((at) => at > this.#now).map((at) => at - this.#now);
    return {
      members: members.filter(({ uid }) => (until.get(uid) ?? 0) <= this.#now),
      ...(left.length === 0 ? {} : { lookAgainInMs: Math.min(...left) }),
    };
  }

  /** Those that move now. What has been begun goes on before anything else. */
  #next(): readonly Member[] {
    const isBegun = ({ uid }: Member) => this.memory.busyUntil?.has(uid) === true;
    const all = this.#chosen();
    const inOrder = [...all.filter(isBegun), ...all.filter((member) => !isBegun(member))];
    return inOrder.slice(0, this.#settings.maxUpgradable);
  }

  /** Members that are to move, in the order of their moves. */
  #chosen(): readonly Member[] {
    const { chosen } = this.memory;
    return this.#wanted().filter(({ uid }) => chosen === undefined || chosen.has(uid));
  }

  /** Takes the members that are to move into account, if this is a look that does so. */
  #choose(): void {
    if (this.#model.takesMarks !== 'period') return;
    const chosen = this.#isDue ? new Set(this.#wanted().map(({ uid }) => uid)) : this.memory.chosen;
    this.memory = { ...this.memory, chosen: chosen ?? new Set() };
  }

  /** Members that it is asked to move, and then those on nodes that the operator wants to be empty. */
  #wanted(): readonly Member[] {
    const inOrder = this.#model.order(this.#members);
    const asked = inOrder.filter((member) => this.#isAsked(member));
    return [...asked, ...inOrder.filter((member) => !asked.includes(member) && this.#isLeaving(member))];
  }

  #isAsked(member: Member): boolean {
    const { annotation } = this.#settings;
    if (this.#model.isAsked !== undefined) return this.#model.isAsked(member, this.#cluster);
    return isMarked(member, annotation);
  }

  #isLeaving({ node, uid }: Member): boolean {
    const since = this.memory.taintedSince?.get(uid);
    if (since !== undefined && this.#now - since >= this.#settings.noticeMs) return true;
    return this.#model.followsCordon && node !== undefined && this.#cordoned.has(node);
  }

  /** Since when nodes have had a taint that the operator follows. */
  #noteTaints(): void {
    const followed = this.#model.followsTaints?.(this.#cluster);
    if (followed === undefined) return;
    const before = this.memory.taintedSince;
    const keysOf = ({ node = '' }: Member) => this.#taints.get(node) ?? [];
    const tainted = this.#members.filter((member) => keysOf(member).some((key) => followed.includes(key)));
    const taintedSince = new Map(tainted.map(({ uid }) => [uid, before?.get(uid) ?? this.#now]));
    this.memory = { ...this.memory, taintedSince };
  }

  #gates(): Step[] {
    const closed = this.#members.filter(
      ({ phase, gates, conditions }) => phase === 'Running' && gates.some((gate) => !conditions.includes(gate)),
    );
    return closed.map((member) => ({ kind: 'open gate', member }));
  }

  #finishRebalance(): Step[] {
    const { rebalance, balanced } = this.memory;
    const present = new Set(this.#members.map(({ uid }) => uid));
    if (rebalance === undefined || this.#now < rebalance.until) {
      this.memory = { ...this.memory, balanced: keep(balanced, present) };
      return [];
    }
    const { rebalance: _, ...rest } = this.memory;
    this.memory = { ...rest, balanced: keep([...balanced, ...rebalance.uids], present) };
    const taken = this.#members.filter(({ uid }) => rebalance.uids.has(uid));
    return taken.map((member) => ({ kind: 'rebalanced', member }));
  }

  #creation(index: number, why: 'scale up' | 'recreate' | 'swap in' | 'surge'): Step {
    return { kind: 'create', pod: this.#model.nameOf(this.#cluster, index), why };
  }

  /** Numbers for new members. */
  #free(count: number): number[] {
    if (this.#model.numbers === 'counted') return Array.from({ length: count }, (_, i) => this.#nextIndex + i);
    const taken = new Set([...this.#members.map(({ index }) => index), ...this.#comingBack()]);
    const all = Array.from({ length: taken.size + count }, (_, i) => i);
    return all.filter((index) => !taken.has(index)).slice(0, count);
  }

  /** Numbers of members that are missing, and come back. */
  #comingBack(): number[] {
    if (this.#cluster.process === 'swap') return [];
    const present = new Set(this.#members.map(({ index }) => index));
    const known = this.#cluster.known.flatMap((name) => this.#model.indexOf(this.#cluster.name, name) ?? []);
    const missing = known.filter((index) => !present.has(index));
    return missing.slice(0, Math.max(0, this.#wantedSize - present.size));
  }

  /** One more while an additional member is there. */
  get #wantedSize(): number {
    const { process, size } = this.#cluster;
    return process === 'surge' && this.#members.some(({ index }) => index >= size) ? size + 1 : size;
  }

  #recreateAt(index: number): number {
    return (this.memory.deletedAt.get(index) ?? Number.NEGATIVE_INFINITY) + this.#settings.recreateDelayMs;
  }

  #remember(index: number): void {
    this.memory = { ...this.memory, deletedAt: new Map(this.memory.deletedAt).set(index, this.#now) };
  }

  #status(steps: readonly Step[], { waitingFor }: Decided): OperatorStatus {
    const deleted = steps.flatMap((step) => (step.kind === 'delete' ? [step] : []));
    const created = steps.flatMap((step) => (step.kind === 'create' ? [step.pod] : []));
    const leaving = new Set(deleted.map(({ member }) => member.name));
    const dropped = deleted.filter(({ why }) => why === 'swapped out' || why === 'scale down');
    const forGood = new Set(dropped.map(({ member }) => member.name));
    const ready = this.#members.filter((member) => member.ready && !leaving.has(member.name)).map(({ name }) => name);
    const back = this.#comingBack().map((index) => this.#model.nameOf(this.#cluster, index));
    const all = new Set([...this.#members.map(({ name }) => name), ...back, ...created]);
    const unready = [...all].filter((name) => !forGood.has(name) && !ready.includes(name));
    const isChanging = deleted.length + created.length > 0 || this.#members.length !== this.#cluster.size;
    const isAtRest = !isChanging && waitingFor === undefined;
    const isBalanced = isAtRest && this.#members.every(({ uid }) => this.memory.balanced.has(uid));
    const firstNew = created.filter((name) => !this.#cluster.known.includes(name)).length;
    return {
      size: this.#members.length,
      members: { ready, unready: unready.sort() },
      nextMemberIndex: this.#nextIndex + firstNew,
      conditions: [
        { type: 'Available', status: flag(ready.length === this.#cluster.size) },
        { type: 'Balanced', status: flag(isBalanced) },
        { type: 'Rebalancing', status: flag(this.memory.rebalance !== undefined) },
      ],
    };
  }
}

/** What it waits for while some are being prepared. */
function preparing({ lookAgainInMs }: { readonly lookAgainInMs?: number }): Omit<Decided, 'steps'> {
  return lookAgainInMs === undefined ? {} : { waitingFor: 'preparation', lookAgainInMs };
}

function firstMemory(members: readonly Member[]): Memory {
  return { balanced: new Set(members.filter(({ ready }) => ready).map(({ uid }) => uid)), deletedAt: new Map() };
}

const keep = (some: Iterable<string>, present: ReadonlySet<string>) =>
  new Set([...some].filter((item) => present.has(item)));

const flag = (value: boolean) => (value ? 'True' : 'False');
