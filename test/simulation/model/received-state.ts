import type { JsonObject } from '../../../src/kube/client.ts';
import { RESCHEDULE } from '../../support/raw.ts';
import type { Variant } from '../runs/variant.ts';
import { meetsReplacementCondition } from './truth.ts';

/** A pod as a process was told of it. */
interface ToldPod {
  readonly name: string;
  readonly uid: string;
  readonly version: number;
  readonly node: string | undefined;
  readonly ready: boolean;
  readonly isLabelled: boolean;
  readonly isMarked: boolean;
  readonly isTerminatingOrFinished: boolean;
}

/** Something about a name that an entry for it may be pruned for. `settled`: in place, live, on a node that is not draining. */
export interface Fact {
  readonly kind: 'gone' | 'unmarked' | 'settled';
  /** Of which instance; absent with `gone`. */
  readonly uid?: string;
  readonly since: number;
  /** Until when it was so; absent: it is. */
  until?: number | undefined;
}

/** As long as the hook may be about to act on how a name stood a moment ago: it waits for three calls at the most. */
const MOMENT_MS = 100_000;
/** A reconcile that gets no answers looks at each entry once in so long. */
const UNNOTICED_MS = 300_000;

/**
 * What one process was told of pods and nodes, by lists, watches and the answers to its marks. Read from what the API server
 * sent and not by the product's own code: it says what the process may be expected to know.
 */
export class Told {
  /** UIDs of the instances that it was told have gone marked, or from a node that it was told is draining. */
  readonly sawLeaving = new Set<string>();
  /** When what it knew of a name was lost, for a reason that docs/decision-table.md states. */
  readonly lostAt = new Map<string, number>();
  readonly #pods = new Map<string, ToldPod>();
  readonly #nodes = new Map<string, boolean>();
  readonly #sawMarked = new Set<string>();
  readonly #facts = new Map<string, Fact[]>();
  readonly #stale = new Set<string>();
  readonly #variant: Variant;
  readonly #now: () => number;
  readonly #beganAt: number;
  readonly #hidden: ReadonlySet<string>;

  /** `hidden`: the UIDs of pods that have ever lost their label. */
  constructor(variant: Variant, now: () => number, hidden: ReadonlySet<string>) {
    this.#variant = variant;
    this.#now = now;
    this.#beganAt = now();
    this.#hidden = hidden;
  }

  knows(name: string, uid: string): boolean {
    return this.#pods.get(name)?.uid === uid;
  }

  names(kind: 'pods' | 'nodes'): string[] {
    return [...(kind === 'pods' ? this.#pods : this.#nodes).keys()];
  }

  /** What is so of a name, or was a moment ago. */
  factsOf(name: string): readonly Readonly<Fact>[] {
    const oldest = this.#now() - MOMENT_MS;
    return this.#allOf(name).filter(({ until = this.#now() }) => until >= oldest);
  }

  /** A list counts also where it is older than what is known. */
  putPod(raw: JsonObject, isListed: boolean): void {
    const pod = readPod(raw);
    const before = this.#pods.get(pod.name);
    if (!isListed && before !== undefined && before.version > pod.version) return;
    if (before !== undefined && before.uid !== pod.uid) this.removePod(pod.name);
    this.#pods.set(pod.name, pod);
    this.sawLeaving.delete(pod.uid);
    if (pod.isMarked) this.#sawMarked.add(pod.uid);
    this.#touch(pod.name);
  }

  /** The answer to a mark tells of an instance that is known. */
  answered(raw: JsonObject): void {
    const pod = readPod(raw);
    const before = this.#pods.get(pod.name);
    if (before?.uid === pod.uid && before.version < pod.version && pod.isLabelled) this.putPod(raw, false);
  }

  /** `last`: its last state, where that is told. */
  removePod(name: string, last?: JsonObject): void {
    const pod = last === undefined ? this.#pods.get(name) : readPod(last);
    if (pod === undefined || !this.#pods.delete(name)) return;
    this.#touch(name);
    if (pod.isMarked || this.#isLeft(pod)) this.sawLeaving.add(pod.uid);
    // Its mark took the place of what was known of those before it, and was taken away.
    else if (this.#sawMarked.has(pod.uid)) this.lostAt.set(name, this.#now());
    // It may have only lost its label, and what is remembered of it takes the place of what was known.
    if (this.#hidden.has(pod.uid)) this.lostAt.set(name, this.#now());
  }

  putNode(raw: JsonObject): void {
    const { metadata, spec } = raw as { metadata: { name: string }; spec: { unschedulable: boolean; taints: [] } };
    this.#turnNode(metadata.name, spec.unschedulable || spec.taints.length > 0);
  }

  removeNode(name: string): void {
    this.#turnNode(name, undefined);
  }

  #turnNode(name: string, isDraining: boolean | undefined): void {
    if (this.#nodes.get(name) === isDraining) return;
    if (isDraining === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, isDraining);
    for (const pod of this.#pods.values()) if (pod.node === name) this.#touch(pod.name);
  }

  #isLeft({ node }: ToldPod): boolean {
    return node !== undefined && (this.#nodes.get(node) ?? true);
  }

  /** Of what is told in one go only the outcome counts, for the product as well. */
  #touch(name: string): void {
    if (this.#stale.size === 0) queueMicrotask(() => this.#settle());
    this.#stale.add(name);
  }

  #settle(): void {
    for (const name of this.#stale) this.#stand(name);
    this.#stale.clear();
  }

  #stand(name: string): void {
    const facts = this.#allOf(name);
    const present = this.#present(name);
    for (const fact of facts) {
      if (!present.some((one) => isSame(fact, one))) fact.until ??= this.#now();
    }
    for (const fact of present) {
      const earlier = facts.findLast((one) => isSame(fact, one));
      if (earlier !== undefined && this.#isOneWith(earlier)) earlier.until = undefined;
      else facts.push(fact);
    }
    this.#facts.set(name, facts);
  }

  /** An interruption so short that nobody looked meanwhile has not been for the product. */
  #isOneWith({ kind, until = this.#now() }: Fact): boolean {
    return kind !== 'gone' || this.#now() - until < UNNOTICED_MS;
  }

  /** A name that it was never told of has been gone from the beginning. */
  #allOf(name: string): Fact[] {
    return this.#facts.get(name) ?? [{ kind: 'gone', since: this.#beganAt }];
  }

  #present(name: string): Fact[] {
    const since = this.#now();
    const pod = this.#pods.get(name);
    if (pod === undefined) return [{ kind: 'gone', since }];
    const { uid } = pod;
    const isSettled =
      meetsReplacementCondition(pod, this.#variant) && !pod.isTerminatingOrFinished && !this.#isLeft(pod);
    return [
      ...(pod.isMarked ? [] : [{ kind: 'unmarked', uid, since } as const]),
      ...(isSettled ? [{ kind: 'settled', uid, since } as const] : []),
    ];
  }
}

const isSame = (a: Fact, b: Fact) => a.kind === b.kind && a.uid === b.uid;

function readPod(raw: JsonObject): ToldPod {
  const { metadata, spec, status } = raw as {
    metadata: {
      name: string;
      uid: string;
      resourceVersion: string;
      labels: { app?: string };
      annotations?: Record<string, string>;
      deletionTimestamp?: string;
    };
    spec: { nodeName?: string };
    status: { phase: string; conditions: { status: string }[] };
  };
  return {
    name: metadata.name,
    uid: metadata.uid,
    version: Number(metadata.resourceVersion),
    node: spec.nodeName,
    ready: status.conditions[0]?.status === 'True',
    isLabelled: metadata.labels.app === 'couchbase',
    isMarked: metadata.annotations?.[RESCHEDULE] === 'true',
    isTerminatingOrFinished: metadata.deletionTimestamp !== undefined || status.phase === 'Failed',
  };
}
