import type { ClusterView, Member } from '../../testkit/couchbase/member.ts';
import { memberName } from '../../testkit/couchbase/member.ts';

/** Asks an operator to move the pod that carries it. */
export interface Annotation {
  readonly key: string;
  readonly value: string;
  /** Whether any value asks for it. Absent: only this one. */
  readonly isAny?: boolean;
}

/** What the operator remembers of one cluster between two looks at it. */
export interface Memory {
  /** UIDs of the members that a rebalance has taken in. */
  readonly balanced: ReadonlySet<string>;
  readonly rebalance?: { readonly until: number; readonly uids: ReadonlySet<string> };
  /** When a name was deleted in order to be recreated. */
  readonly deletedAt: ReadonlyMap<string, number>;
}

export interface PlanSettings {
  readonly annotation: Annotation;
  readonly maxUpgradable: number;
  readonly rebalanceMs: number;
  readonly recreateDelayMs: number;
}

/** One thing to do. A step that fails is planned again by the next look. */
export type Step =
  | { readonly kind: 'create'; readonly pod: string; readonly why: 'scale up' | 'recreate' | 'swap in' }
  | {
      readonly kind: 'delete';
      readonly member: Member;
      readonly why: 'in place' | 'swapped out' | 'scale down' | 'ended';
    }
  | { readonly kind: 'open gate'; readonly member: Member }
  /** Nothing to write, only an event: these members became Ready, or a rebalance has taken them in. */
  | { readonly kind: 'ready' | 'rebalanced'; readonly member: Member };

export type WaitingFor = 'paused' | 'pending' | 'recreate' | 'ready' | 'rebalance';

export interface OperatorPlan {
  readonly steps: readonly Step[];
  readonly memory: Memory;
  /** To be merged into the object's status before the steps, where it differs. Absent: leave the status alone. */
  readonly status?: OperatorStatus;
  readonly waitingFor?: WaitingFor;
  /** When it is worth looking again before the period is over. */
  readonly lookAgainInMs?: number;
}

export interface OperatorStatus {
  readonly size: number;
  readonly members: { readonly ready: readonly string[]; readonly unready: readonly string[] };
  readonly nextMemberIndex: number;
  readonly conditions: readonly { readonly type: string; readonly status: 'True' | 'False' }[];
}

/**
 * What an operator does next for one cluster. Pure, and level-triggered: everything follows from the members that exist,
 * the names that the status knows, and what a rebalance has taken in. `memory` is undefined at the first look, which
 * takes the members that are Ready by then for rebalanced.
 */
export function planCluster(
  cluster: ClusterView,
  members: readonly Member[],
  memory: Memory | undefined,
  settings: PlanSettings,
  now: number,
): OperatorPlan {
  const look = new Look(cluster, members, memory ?? firstMemory(members), settings, now);
  if (cluster.paused) return { steps: [], memory: look.memory, waitingFor: 'paused' };
  return look.plan();
}

type Decided = Pick<OperatorPlan, 'steps' | 'waitingFor' | 'lookAgainInMs'>;

/** One look at one cluster; each method below is one thing that may have to be done first. */
class Look {
  readonly #cluster: ClusterView;
  readonly #members: readonly Member[];
  readonly #settings: PlanSettings;
  readonly #now: number;
  readonly #nextIndex: number;
  memory: Memory;

  constructor(cluster: ClusterView, members: readonly Member[], memory: Memory, settings: PlanSettings, now: number) {
    this.#cluster = cluster;
    this.#members = members;
    this.#settings = settings;
    this.#now = now;
    this.#nextIndex = Math.max(cluster.nextIndex, ...members.map(({ index }) => index + 1), 0);
    this.memory = memory;
  }

  plan(): OperatorPlan {
    const rebalanced = this.#finishRebalance();
    const decided: Decided = this.#unfinished() ?? this.#missing() ?? this.#newcomers() ?? { steps: this.#moves() };
    const steps = [...this.#gates(), ...rebalanced, ...decided.steps];
    for (const step of steps) {
      if (step.kind === 'delete') this.#remember(step.member.name);
    }
    return { ...decided, steps, memory: this.memory, status: this.#status(steps) };
  }

  /** Members that have no node or container yet, are on their way out, or have ended. */
  #unfinished(): Decided | undefined {
    if (this.#members.some(({ phase, terminating }) => phase === 'Pending' || terminating)) {
      return { steps: [], waitingFor: 'pending' };
    }
    const ended = this.#members.filter(({ phase }) => phase === 'Failed' || phase === 'Succeeded');
    if (ended.length === 0) return undefined;
    return { steps: ended.map((member): Step => ({ kind: 'delete', member, why: 'ended' })) };
  }

  /** Fewer members than the size: those that were deleted in place come back, for the rest there are new names. */
  #missing(): Decided | undefined {
    const count = this.#cluster.size - this.#members.length;
    if (count <= 0) return undefined;
    const back = this.#comingBack();
    const delays = back.map((name) => this.#recreateAt(name) - this.#now).filter((ms) => ms > 0);
    if (delays.length > 0) return { steps: [], waitingFor: 'recreate', lookAgainInMs: Math.min(...delays) };
    const fresh = Array.from({ length: count - back.length }, (_, i) =>
      memberName(this.#cluster.name, this.#nextIndex + i),
    );
    return {
      steps: [
        ...back.map((pod): Step => ({ kind: 'create', pod, why: 'recreate' })),
        ...fresh.map((pod): Step => ({ kind: 'create', pod, why: 'scale up' })),
      ],
    };
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

  /** All is in place: surplus members go, else the next marked ones are moved. */
  #moves(): Step[] {
    const marked = this.#marked();
    const surplus = this.#members.length - this.#cluster.size;
    if (surplus > 0) {
      const unmarked = this.#members.filter((member) => !marked.includes(member)).reverse();
      return [
        ...marked.map((member): Step => ({ kind: 'delete', member, why: 'swapped out' })),
        ...unmarked.map((member): Step => ({ kind: 'delete', member, why: 'scale down' })),
      ].slice(0, surplus);
    }
    const next = marked.slice(0, this.#settings.maxUpgradable);
    if (this.#cluster.process === 'in-place') {
      return next.map((member) => ({ kind: 'delete', member, why: 'in place' }));
    }
    return next.map((_, i) => ({
      kind: 'create',
      pod: memberName(this.#cluster.name, this.#nextIndex + i),
      why: 'swap in',
    }));
  }

  /** Marked members in the order of their moves. The first member stands for the orchestrator, which goes last. */
  #marked(): Member[] {
    const { key, value, isAny } = this.#settings.annotation;
    const [orchestrator, ...others] = this.#members;
    const inOrder = orchestrator === undefined ? [] : [...others, orchestrator];
    return inOrder.filter(({ annotations }) => (isAny ? annotations[key] !== undefined : annotations[key] === value));
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

  #comingBack(): string[] {
    if (this.#cluster.process !== 'in-place') return [];
    const present = new Set(this.#members.map(({ name }) => name));
    const missing = this.#cluster.known.filter((name) => !present.has(name));
    return missing.slice(0, Math.max(0, this.#cluster.size - present.size));
  }

  #recreateAt(name: string): number {
    return (this.memory.deletedAt.get(name) ?? Number.NEGATIVE_INFINITY) + this.#settings.recreateDelayMs;
  }

  #remember(name: string): void {
    this.memory = { ...this.memory, deletedAt: new Map(this.memory.deletedAt).set(name, this.#now) };
  }

  #status(steps: readonly Step[]): OperatorStatus {
    const deleted = steps.flatMap((step) => (step.kind === 'delete' ? [step] : []));
    const created = steps.flatMap((step) => (step.kind === 'create' ? [step.pod] : []));
    const leaving = new Set(deleted.map(({ member }) => member.name));
    const dropped = deleted.filter(({ why }) => why === 'swapped out' || why === 'scale down');
    const forGood = new Set(dropped.map(({ member }) => member.name));
    const ready = this.#members.filter((member) => member.ready && !leaving.has(member.name)).map(({ name }) => name);
    const all = new Set([...this.#members.map(({ name }) => name), ...this.#comingBack(), ...created]);
    const unready = [...all].filter((name) => !forGood.has(name) && !ready.includes(name));
    const isChanging = deleted.length + created.length > 0 || this.#members.length !== this.#cluster.size;
    const isBalanced = !isChanging && this.#members.every(({ uid }) => this.memory.balanced.has(uid));
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

function firstMemory(members: readonly Member[]): Memory {
  return { balanced: new Set(members.filter(({ ready }) => ready).map(({ uid }) => uid)), deletedAt: new Map() };
}

const keep = (some: Iterable<string>, present: ReadonlySet<string>) =>
  new Set([...some].filter((item) => present.has(item)));

const flag = (value: boolean) => (value ? 'True' : 'False');
