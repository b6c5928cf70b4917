import type { SimTask } from '../actions/admission.ts';
import type { Variant } from '../runs/variant.ts';
import type { ApiServer } from './api-server.ts';
import { COUCHBASE, type Family } from './families.ts';
import { isMarked, isMarkedByHand, isTerminatingOrFinished, type SimPod } from './objects.ts';
import { isDraining } from './truth.ts';

/** The number of member names of Couchbase. Two of them are members from the beginning. */
const COUCHBASE_NAMES = 6;
const COUCHBASE_MEMBERS = 2;
/** The members of any other family, and the names that it has for new ones. */
const MEMBERS = 3;
const NEW_NAMES = 2;

/** The names of the pods of a family. The first are members from the beginning. */
export function namesOf({ prefix, moves }: Family, { longNames }: Pick<Variant, 'longNames'>): string[] {
  const tail = longNames ? `-${'x'.repeat(60)}` : '';
  const others = moves === 'inPlace' ? MEMBERS : MEMBERS + NEW_NAMES;
  const length = prefix === COUCHBASE.prefix ? COUCHBASE_NAMES : others;
  return Array.from({ length }, (_, i) => `${prefix}-${i}${tail}`);
}

/**
 * An operator, step by step. It moves the marked members of its family as the family says, at random, and may stop at any
 * step.
 */
export class Operator {
  /** In the words of a step. */
  readonly title: string;
  readonly family: Family;
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
  #used: number;

  constructor(server: ApiServer<SimTask>, family: Family, variant: Variant) {
    this.#server = server;
    this.family = family;
    const isCouchbase = family.prefix === COUCHBASE.prefix;
    this.title = isCouchbase ? 'operator' : `operator of ${family.prefix}`;
    this.#mayReuseNames = isCouchbase ? variant.tracking !== 'swap' : MOVES_IN_PLACE.includes(family.moves);
    this.names = namesOf(family, variant);
    this.#used = isCouchbase ? COUCHBASE_MEMBERS : MEMBERS;
    this.members = new Set(this.names.slice(0, this.#used));
  }

  get acts(): boolean {
    return this.isUp && !this.isPaused;
  }

  /** Whether nobody else replaces a failed pod, so that the operator cannot go on without it. */
  get needsAllPods(): boolean {
    return this.family.isSerial || this.family.profile.maxConcurrent !== undefined;
  }

  /** Moves in place, also if no name is left for a new pod. */
  deleteMarked(name: string): boolean {
    const pod = this.#toMove(name);
    const mayReuse = this.#mayReuseNames || this.#used === this.names.length;
    if (pod === undefined || !mayReuse || this.swaps.has(name)) return false;
    this.#delete(pod);
    return true;
  }

  /** Moves under a new name: the old pod goes first. */
  renameMarked(name: string): boolean {
    const pod = this.#toMove(name);
    const next = this.names[this.#used];
    if (pod === undefined || next === undefined || !['renames', 'either'].includes(this.family.moves)) return false;
    this.#used++;
    this.#replace(name, next);
    this.#delete(pod);
    return true;
  }

  recreate(name: string): boolean {
    if (!this.acts || !this.members.has(name) || this.#server.pods.has(name)) return false;
    this.#server.createPod('member', name);
    return true;
  }

  startSwap(name: string): boolean {
    const next = this.names[this.#used];
    if (!['any', 'swaps'].includes(this.family.moves)) return false;
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
    this.#replace(name, next);
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

  /** Without grace the pod goes at once. */
  #delete(pod: SimPod): void {
    if (this.family.isGraceful) this.#server.terminatePod(pod);
    else this.#server.removePod(pod);
  }

  #replace(name: string, next: string): void {
    this.#server.successors.set(name, next);
    this.members.delete(name);
    this.members.add(next);
  }

  #toMove(name: string): SimPod | undefined {
    const pod = this.#server.pods.get(name);
    if (!this.acts || !this.members.has(name) || pod === undefined) return undefined;
    if (!isMarked(pod) || isTerminatingOrFinished(pod) || this.#mustWait(name)) return undefined;
    return this.#leavesAlone(pod) ? undefined : pod;
  }

  /** Whether it moves one pod at a time, and another one is not in place. */
  #mustWait(name: string): boolean {
    const others = [...this.members].filter((one) => one !== name && one !== this.swaps.get(name));
    return this.family.isSerial && others.some((one) => !isInPlace(this.#server.pods.get(one)));
  }

  #leavesAlone(pod: SimPod): boolean {
    const isDrained = pod.node === undefined || isDraining(this.#server.nodes.get(pod.node));
    return this.leavesMarksByHand && isMarkedByHand(pod) && !isDrained;
  }
}

const MOVES_IN_PLACE: readonly string[] = ['inPlace', 'either', 'any'];

const isInPlace = (pod: SimPod | undefined) => pod?.ready === true && !isTerminatingOrFinished(pod);
