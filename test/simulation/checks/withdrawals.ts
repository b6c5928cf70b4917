import type { Mark } from '../../../src/policy/decision.ts';
import type { SimTask } from '../actions/admission.ts';
import type { Write } from '../model/change-listener.ts';
import { isMarkValue } from '../model/families.ts';
import { HOOK, isTerminatingOrFinished, type SimNode, type SimPod, type SimTracker } from '../model/objects.ts';
import { isDraining } from '../model/truth.ts';
import type { Ledger } from './ledger.ts';

/** What a live read found. */
interface ReadPod {
  readonly uid: string;
  readonly value: string | undefined;
  readonly isOurs: boolean;
  readonly isTerminatingOrFinished: boolean;
  readonly node: string | undefined;
}

interface ReadNode {
  readonly uid: string;
  readonly isDraining: boolean;
}

/** What was last read for one task, by name. */
interface Reads {
  readonly pods: Map<string, ReadPod>;
  readonly nodes: Map<string, ReadNode>;
}

/** Checks that marks are taken back only by the rules, and do not count as taken away (o). */
export class Withdrawals {
  readonly #ledger: Ledger;
  readonly #reads = new Map<SimTask, Reads>();
  /** How often the mark of an instance went that the hook did not take back. */
  readonly #taken = new Map<string, number>();
  /** The instance whose mark the hook takes back at this moment. */
  #taking: string | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  read(found: SimPod | SimNode | SimTracker, task: SimTask): void {
    if (task.kind !== 'controller') return;
    const reads = this.#reads.get(task) ?? { pods: new Map(), nodes: new Map() };
    this.#reads.set(task, reads);
    if ('graceSeconds' in found) reads.pods.set(found.name, asRead(found));
    else if ('taints' in found) reads.nodes.set(found.name, { uid: found.uid, isDraining: isDraining(found) });
  }

  /** The hook takes a mark back. It goes by what it has just read: nothing guards the time since. */
  check({ pod, value }: Extract<Write, { kind: 'unmark' }>, task: SimTask): void {
    const problem = this.#problem(pod, value, task);
    if (problem !== undefined)
      this.#ledger.violate('o', `${task.name} takes the mark ${value} of ${pod.uid} back, and ${problem}`);
    this.#taking = pod.uid;
  }

  /** The pod may have got a node since the mark was decided on, and the value is none for it: as if somebody took it away. */
  marked({ pod, value }: Extract<Write, { kind: 'mark' }>): void {
    const { profile, uid, labels } = pod;
    const isMark = profile !== undefined && isMarkValue(profile, labels.app ?? '', value, pod);
    if (!isMark) this.#taken.set(uid, this.#timesTaken(uid) + 1);
  }

  /** Whether the next mark must count as the first of its instance. */
  unmarked({ uid }: SimPod): boolean {
    const isWithdrawn = this.#taking === uid;
    this.#taking = undefined;
    if (!isWithdrawn) this.#taken.set(uid, this.#timesTaken(uid) + 1);
    return isWithdrawn && this.#timesTaken(uid) === 0 && !this.#ledger.server.misjudged.has(uid);
  }

  /** The hook decides to mark an instance, and counts its marks. */
  decided({ pod: { uid }, note: { marks = 1 } }: Mark): void {
    const { variant, server, forgeries } = this.#ledger;
    const most = 1 + this.#timesTaken(uid);
    if (marks <= most || server.misjudged.has(uid) || variant.forges || forgeries.named(uid)) return;
    this.#ledger.violate('o', `${uid} is to be marked, for the ${marks}th time, and lost ${most - 1} marks`);
  }

  #timesTaken(uid: string): number {
    return this.#taken.get(uid) ?? 0;
  }

  #problem(pod: SimPod, value: string, task: SimTask): string | undefined {
    const { pods, nodes } = this.#reads.get(task) ?? {};
    const read = pods?.get(pod.name);
    const node = nodes?.get(read?.node ?? '');
    if (read === undefined || node === undefined) return 'it has not read pod and node';
    const problems: readonly (readonly [boolean, string])[] = [
      [pod.profile?.withdraws !== true, 'its profile does not say so'],
      [read.uid !== pod.uid, `it has read ${read.uid}`],
      [read.value !== value, `it has read ${read.value}`],
      [!read.isOurs, 'it was not its own alone'],
      [read.isTerminatingOrFinished, 'its operator had begun'],
      [node.isDraining, 'its node was draining'],
      [!this.#ledger.server.drained.has(node.uid), 'nobody ever drained its node'],
    ];
    return problems.find(([isOne]) => isOne)?.[1];
  }
}

function asRead(pod: SimPod): ReadPod {
  const { uid, mark, node } = pod;
  const isOurs = mark?.by === HOOK && !mark.isShared;
  return { uid, value: mark?.value, isOurs, isTerminatingOrFinished: isTerminatingOrFinished(pod), node };
}
