import { familyOf, shardOf } from '../model/families.ts';
import { isMarkedByHook, isTerminatingOrFinished, type SimPod } from '../model/objects.ts';
import type { Ledger } from './ledger.ts';

/** A pod that went while the hook had marked it. Nothing that is ready has taken its place. */
interface Away {
  /** Its own name, which its entry is about. */
  readonly name: string;
  readonly since: number;
}

/**
 * Checks that no more pods of a group are under way at once than the profile allows (n). A pod is under way if the hook has marked
 * it, or if it went after such a mark and nothing that is ready has taken its place. It is judged by the truth, whenever a mark
 * is carried out.
 */
export class Groups {
  readonly #ledger: Ledger;
  /** By the name of the pod that takes its place. */
  readonly #away = new Map<string, Away>();
  /** Groups that lost a pod without a move. If their operator uses new names, nobody can count what is missing then. */
  readonly #disturbed = new Set<string>();

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  removed(pod: SimPod): void {
    const group = this.#groupOf(pod);
    if (group === undefined) return;
    if (!isMarkedByHook(pod)) {
      this.#disturbed.add(group);
      return;
    }
    const { name } = pod;
    const next = this.#ledger.server.successors.get(name);
    this.#away.delete(name);
    this.#away.set(next ?? name, { name, since: this.#ledger.clock.now });
  }

  changed(): void {
    for (const name of this.#away.keys()) {
      const pod = this.#ledger.server.pods.get(name);
      if (pod?.ready && !isTerminatingOrFinished(pod)) this.#away.delete(name);
    }
  }

  /** A mark is carried out. */
  checkMark(pod: SimPod): void {
    const group = this.#groupOf(pod);
    const { maxConcurrent = 0 } = pod.profile ?? {};
    if (group === undefined || this.#isExcused(pod, group)) return;
    const others = [...this.#marked(group), ...this.#missing(group)].filter((name) => name !== pod.name);
    if (new Set(others).size >= maxConcurrent)
      this.#ledger.violate('n', `${pod.uid} is marked, and others of its group are under way: ${others.join(', ')}`);
  }

  #isExcused({ uid, profile }: SimPod, group: string): boolean {
    const { variant, server } = this.#ledger;
    // Nobody else can write a ConfigMap of the hook.
    if ((variant.forges && !variant.usesConfigMap) || server.hidden.has(uid)) return true;
    return profile?.names !== 'reused' && this.#disturbed.has(group);
  }

  #marked(group: string): string[] {
    const { pods, hidden } = this.#ledger.server;
    return [...pods.values()]
      .filter((pod) => this.#groupOf(pod) === group && isMarkedByHook(pod) && !hidden.has(pod.uid))
      .map(({ name }) => name);
  }

  /** An entry is pruned if its name has been gone for an hour: then its pod counts no more. */
  #missing(group: string): string[] {
    const { prunedAt } = this.#ledger;
    const counts = ({ name, since }: Away) => (prunedAt.get(name) ?? -1) < since;
    return [...this.#away].filter(([next, away]) => this.#keyOf(next) === group && counts(away)).map(([next]) => next);
  }

  #groupOf({ name, profile }: SimPod): string | undefined {
    return profile?.maxConcurrent === undefined ? undefined : this.#keyOf(name);
  }

  #keyOf(name: string): string {
    const family = familyOf(this.#ledger.variant, name);
    return family === undefined ? '' : `${family.prefix} ${shardOf(family, name)}`;
  }
}
