import type { SimTask } from '../actions/admission.ts';
import type { Variant } from '../runs/variant.ts';
import type { ApiServer } from './api-server.ts';
import { isMarkedByHand, isTerminatingOrFinished, type SimPod } from './objects.ts';
import { isDraining } from './truth.ts';

/** The number of member names in a run. Two of them are members from the beginning. */
export const MEMBER_NAMES = 6;
const FIRST_MEMBERS = 2;

/** The operator, step by step. It moves marked members in place or by a swap, at random, and may stop at any step. */
export class Operator {
  readonly names: readonly string[];
  isUp = true;
  isPaused = false;
  /** Whether it leaves pods alone that somebody else than the hook marked, unless their node is draining. */
  leavesMarksByHand = false;
  /** The members that should exist. */
  readonly members: Set<string>;
  /** Its memory of which new member replaces which. */
  readonly swaps = new Map<string, string>();
  readonly #server: ApiServer<SimTask>;
  readonly #mayReuseNames: boolean;
  #used = FIRST_MEMBERS;

  constructor(server: ApiServer<SimTask>, { tracking, longNames }: Variant) {
    this.#server = server;
    this.#mayReuseNames = tracking !== 'swap';
    const tail = longNames ? `-${'x'.repeat(60)}` : '';
    this.names = Array.from({ length: MEMBER_NAMES }, (_, i) => `cb-${i}${tail}`);
    this.members = new Set(this.names.slice(0, FIRST_MEMBERS));
  }

  get acts(): boolean {
    return this.isUp && !this.isPaused;
  }

  /**
   * Moves in place, also if no name is left for a swap. The pod goes at once, because the operator deletes it without
   * grace.
   */
  deleteMarked(name: string): boolean {
    const pod = this.#toMove(name);
    const mayReuse = this.#mayReuseNames || this.#used === this.names.length;
    if (pod === undefined || !mayReuse || this.swaps.has(name)) return false;
    this.#server.removePod(pod);
    return true;
  }

  recreate(name: string): boolean {
    if (!this.acts || !this.members.has(name) || this.#server.pods.has(name)) return false;
    this.#server.createPod('member', name);
    return true;
  }

  startSwap(name: string): boolean {
    const next = this.names[this.#used];
    if (this.#toMove(name) === undefined || next === undefined || this.swaps.has(name)) return false;
    this.#used++;
    this.members.add(next);
    this.swaps.set(name, next);
    this.#server.createPod('member', next);
    return true;
  }

  endSwap(name: string): boolean {
    const next = this.swaps.get(name);
    // Meanwhile another member has replaced the new member.
    if (next !== undefined && !this.members.has(next)) this.swaps.delete(name);
    const old = this.#server.pods.get(name);
    if (!this.acts || next === undefined || old === undefined) return false;
    if (this.#server.pods.get(next)?.ready !== true) return false;
    this.swaps.delete(name);
    this.members.delete(name);
    this.#server.removePod(old);
    return true;
  }

  /** Restarts a member without any request: an upgrade, or a member that failed. */
  restart(name: string, ofFailed: boolean): boolean {
    const pod = this.#server.pods.get(name);
    if (!this.acts || pod === undefined || (pod.finishedAt !== undefined) !== ofFailed) return false;
    if (!ofFailed && (isTerminatingOrFinished(pod) || pod.node === undefined)) return false;
    this.swaps.delete(name);
    this.#server.removePod(pod);
    return true;
  }

  die(): boolean {
    if (!this.isUp) return false;
    this.isUp = false;
    this.swaps.clear();
    return true;
  }

  #toMove(name: string): SimPod | undefined {
    const pod = this.#server.pods.get(name);
    if (!this.acts || !this.members.has(name) || pod?.mark?.value !== 'true' || isTerminatingOrFinished(pod))
      return undefined;
    return this.#leavesAlone(pod) ? undefined : pod;
  }
  #leavesAlone(pod: SimPod): boolean {
    const isDrained = pod.node === undefined || isDraining(this.#server.nodes.get(pod.node));
    return this.leavesMarksByHand && isMarkedByHand(pod) && !isDrained;
  }
}
