import type { JsonObject } from '../../../src/kube/client.ts';
import type { Variant } from '../runs/variant.ts';
import type { ApiServer } from './api-server.ts';
import { familyOf, isMarkValue, profileFor } from './families.ts';
import { HOOK } from './objects.ts';
import { meetsReplacementCondition } from './truth.ts';

/** A pod as a process received it. */
interface ReceivedPod {
  readonly name: string;
  readonly uid: string;
  readonly version: number;
  readonly node: string | undefined;
  readonly ready: boolean;
  readonly isLabelled: boolean;
  readonly isMarked: boolean;
  readonly isMarkedByHook: boolean;
  readonly isTerminatingOrFinished: boolean;
}

/**
 * A fact about a name that allows its entry to be pruned. `settled`: in place, live, on a node that is not draining.
 */
export interface Fact {
  readonly kind: 'gone' | 'unmarked' | 'settled';
  /** The instance; absent for `gone`. */
  readonly uid?: string;
  readonly since: number;
  /** When the fact ended; absent if it still holds. */
  until?: number | undefined;
}

/** The hook may still act on a state that ended this long ago, because it waits for at most three calls. */
const MOMENT_MS = 100_000;
/** A reconcile without responses looks at each entry once in this time. */
const UNNOTICED_MS = 300_000;

/**
 * What one process has received about pods and nodes: by lists, watches and the responses to its marks. It reads the
 * API server's objects without the product's own code. So it has what the process may be expected to know.
 */
export class ReceivedState {
  /**
   * UIDs of instances that were marked when they went, or on a node that was draining, as far as the process has
   * received.
   */
  readonly sawLeaving = new Set<string>();
  /** When its knowledge of a name was lost, for a reason that docs/decision-table.md states. */
  readonly lostAt = new Map<string, number>();
  readonly #pods = new Map<string, ReceivedPod>();
  readonly #nodes = new Map<string, boolean>();
  readonly #sawMarked = new Set<string>();
  /** UIDs of pods whose node was draining while they were marked. */
  readonly #sawDrained = new Set<string>();
  readonly #misjudged: Set<string>;
  readonly #facts = new Map<string, Fact[]>();
  readonly #stale = new Set<string>();
  readonly #variant: Variant;
  readonly #now: () => number;
  readonly #beganAt: number;
  readonly #hidden: ReadonlySet<string>;

  /** `hidden`: the UIDs of pods that ever lost their label. To `misjudged` it adds. */
  constructor(
    variant: Variant,
    now: () => number,
    { hidden, misjudged }: Pick<ApiServer<never>, 'hidden' | 'misjudged'>,
  ) {
    this.#variant = variant;
    this.#now = now;
    this.#beganAt = now();
    this.#hidden = hidden;
    this.#misjudged = misjudged;
  }

  knows(name: string, uid: string): boolean {
    return this.#pods.get(name)?.uid === uid;
  }

  /** The nodes that it knows. */
  nodes(): string[] {
    return [...this.#nodes.keys()];
  }

  /** The facts about a name now or a moment ago. */
  factsOf(name: string): readonly Readonly<Fact>[] {
    const oldest = this.#now() - MOMENT_MS;
    return this.#allOf(name).filter(({ until = this.#now() }) => until >= oldest);
  }

  /** An object from a list counts even if it is older than the known one. */
  putPod(raw: JsonObject, isListed: boolean): void {
    const pod = readPod(raw, this.#variant);
    const before = this.#pods.get(pod.name);
    if (!isListed && before !== undefined && before.version > pod.version) return;
    if (before !== undefined && before.uid !== pod.uid) this.removePod(pod.name);
    if (before !== undefined) this.#noteUnmarked(before, pod);
    this.#pods.set(pod.name, pod);
    this.sawLeaving.delete(pod.uid);
    if (pod.isMarkedByHook) this.#sawMarked.add(pod.uid);
    this.#noteDrained(pod);
    this.#touch(pod.name);
  }

  /**
   * The hook may have taken the mark back. The process can know that if it has been told that the node was draining since the
   * mark, and is no more.
   */
  #noteUnmarked(before: ReceivedPod, { uid, isMarked, node = '' }: ReceivedPod): void {
    if (before.uid !== uid || isMarked || !before.isMarked) return;
    const isCalm = this.#nodes.get(node) === false;
    if (!isCalm || !this.#sawDrained.has(uid)) this.#misjudged.add(uid);
  }

  /** Takes the response to a mark, which counts only for a known instance. */
  takeResponse(raw: JsonObject): void {
    const pod = readPod(raw, this.#variant);
    const before = this.#pods.get(pod.name);
    if (before?.uid === pod.uid && before.version < pod.version && pod.isLabelled) this.putPod(raw, false);
  }

  /** `last`: its last state, if the event has it. */
  removePod(name: string, last?: JsonObject): void {
    const pod = last === undefined ? this.#pods.get(name) : readPod(last, this.#variant);
    if (pod === undefined || !this.#pods.delete(name)) return;
    this.#touch(name);
    if (pod.isMarked || this.#isLeft(pod)) this.sawLeaving.add(pod.uid);
    // The mark replaced the memory of earlier instances, and then somebody removed the mark.
    else if (this.#sawMarked.has(pod.uid)) this.lostAt.set(name, this.#now());
    // The pod may only have lost its label. The memory of it replaces the memory of earlier instances.
    if (this.#hidden.has(pod.uid)) this.lostAt.set(name, this.#now());
  }

  putNode(raw: JsonObject): void {
    const { metadata, spec, status } = raw as {
      metadata: { name: string };
      spec: { unschedulable: boolean; taints: [] };
      status: { conditions: [] };
    };
    this.#turnNode(metadata.name, spec.unschedulable || spec.taints.length + status.conditions.length > 0);
  }

  removeNode(name: string): void {
    this.#turnNode(name, undefined);
  }

  #turnNode(name: string, isDraining: boolean | undefined): void {
    if (this.#nodes.get(name) === isDraining) return;
    if (isDraining === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, isDraining);
    for (const pod of this.#pods.values()) {
      if (pod.node !== name) continue;
      this.#touch(pod.name);
      this.#noteDrained(pod);
    }
  }

  #noteDrained({ uid, node, isMarked }: ReceivedPod): void {
    if (!isMarked) this.#sawDrained.delete(uid);
    else if (node !== undefined && this.#nodes.get(node)) this.#sawDrained.add(uid);
  }

  #isLeft({ node }: ReceivedPod): boolean {
    return node !== undefined && (this.#nodes.get(node) ?? true);
  }

  /** If several objects arrive in one go, only the outcome counts, as in the product. */
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

  /** An interruption that no reconcile could notice does not count, as in the product. */
  #isOneWith({ kind, until = this.#now() }: Fact): boolean {
    return kind !== 'gone' || this.#now() - until < UNNOTICED_MS;
  }

  /** A name that never arrived has been gone from the beginning. */
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

/** A pod that has lost its labels is still the one that its name says. */
const appOf = (variant: Variant, name: string) => familyOf(variant, name)?.app ?? '';

function readPod(raw: JsonObject, variant: Variant): ReceivedPod {
  const { metadata, spec, status } = raw as {
    metadata: {
      name: string;
      uid: string;
      resourceVersion: string;
      labels: { app?: string };
      annotations?: Record<string, string>;
      managedFields?: { manager: string }[];
      deletionTimestamp?: string;
    };
    spec: { nodeName?: string };
    status: { phase: string; conditions: { status: string }[] };
  };
  const { name, uid, labels } = metadata;
  const profile = profileFor(variant, name);
  const value = metadata.annotations?.[profile?.mark.key ?? ''];
  const placed = { name, uid, node: spec.nodeName };
  const isMarked =
    profile !== undefined && value !== undefined && isMarkValue(profile, appOf(variant, name), value, placed);
  return {
    name,
    uid,
    version: Number(metadata.resourceVersion),
    node: spec.nodeName,
    ready: status.conditions[0]?.status === 'True',
    isLabelled: labels.app !== undefined,
    isMarked,
    isMarkedByHook: isMarked && metadata.managedFields?.[0]?.manager === HOOK,
    isTerminatingOrFinished: metadata.deletionTimestamp !== undefined || status.phase === 'Failed',
  };
}
