import type { Decision } from '../../../src/policy/decision.ts';
import type { EvictionRequest } from '../../../src/policy/model.ts';
import type { Call, Task } from '../model/calls.ts';
import type { Drainer, Target } from '../model/drainer.ts';
import type { HookProcess } from '../model/hook-process.ts';

/** The tasks of a run: admissions, and the controllers of the replicas. */
export type SimTask = Admission | ControllerTask;

export interface ControllerTask extends Task {
  readonly kind: 'controller';
}

/** One eviction: the API server asks every installation that is registered, and waits for all of them. */
export class Eviction {
  /** The last review of each installation. */
  readonly admissions: Admission[] = [];
  /** Those without an answer. */
  readonly open = new Set<Admission>();
  /** The code of the first denial, which the drainer gets. */
  denial: number | undefined;

  /** `instead`: the review that it takes the place of. */
  add(admission: Admission, instead?: Admission): void {
    const index = instead === undefined ? this.admissions.length : this.admissions.indexOf(instead);
    this.admissions[index] = admission;
    if (instead !== undefined) this.open.delete(instead);
    this.open.add(admission);
  }
}

/** One review on its way through one process of the hook, and the facts that held meanwhile. */
export class Admission implements Task {
  readonly kind = 'admission';
  readonly name: string;
  readonly calls: Call[] = [];
  readonly request: EvictionRequest;
  readonly drainer: Drainer;
  readonly target: Target;
  readonly process: HookProcess<SimTask>;
  readonly eviction: Eviction;
  readonly startedAt: number;
  decision?: Decision;
  /** Nobody waits for its response, because the request was sent again elsewhere. */
  isOrphan = false;
  /** The response has left. Calls that it began may still be under way. */
  isAnswered = false;
  /** Whether the requested pod was live, protected and on a draining node at every moment since the request. */
  heldThroughout = true;
  /** Whether a live, protected pod of that name existed, and was not in place, at every moment since the request. */
  outOfPlaceThroughout = true;
  /** Whether the pod of that name was a corpse at some moment since the request. */
  sawCorpse = false;
  /** Whether the pod of that name was not to be protected at some moment since the request. */
  sawUnselected = false;
  /**
   * Whether at every moment since the request the pod of that name had moved and settled, its entry said so, and somebody
   * else than the hook had marked it.
   */
  movedThroughout = true;
  /** The instances of that name that were on a draining node at some moment since the request. */
  readonly drainingUids = new Set<string>();
  /** The instance that the hook last decided to mark. */
  decidedOn?: string;
  /** Whether the cache had that instance then. */
  knewInstance = false;

  constructor(
    name: string,
    request: EvictionRequest,
    from: Pick<Admission, 'drainer' | 'target' | 'process' | 'eviction' | 'startedAt'>,
  ) {
    this.name = name;
    this.request = request;
    this.drainer = from.drainer;
    this.target = from.target;
    this.process = from.process;
    this.eviction = from.eviction;
    this.startedAt = from.startedAt;
  }
}
