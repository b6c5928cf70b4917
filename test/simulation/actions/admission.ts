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

/** One review on its way through one process of the hook, and what was true meanwhile. */
export class Admission implements Task {
  readonly kind = 'admission';
  readonly name: string;
  readonly calls: Call[] = [];
  readonly request: EvictionRequest;
  readonly drainer: Drainer;
  readonly target: Target;
  readonly process: HookProcess<SimTask>;
  readonly startedAt: number;
  decision?: Decision;
  /** Nobody waits for its answer: the request was sent again elsewhere. */
  isOrphan = false;
  /** The answer has left; what was begun may still be under way. */
  isAnswered = false;
  /** Whether at every moment since it was sent the pod that it asks for was live, selected and on a draining node. */
  heldThroughout = true;
  /** Whether at every moment since it was sent a live, selected pod of that name was there, and was not in place. */
  outOfPlaceThroughout = true;
  /** Whether at some moment since it was sent the pod of that name had been over for longer than a corpse has. */
  sawCorpse = false;
  /** Whether at some moment since it was sent the pod of that name was none that is to be protected. */
  sawUnselected = false;
  /** The instances of that name that were on a draining node since it was sent. */
  readonly drainingUids = new Set<string>();
  /** The instance that the hook last decided to mark. */
  decidedOn?: string;
  /** Whether the cache had that instance then. */
  knewInstance = false;

  constructor(
    name: string,
    request: EvictionRequest,
    from: Pick<Admission, 'drainer' | 'target' | 'process' | 'startedAt'>,
  ) {
    this.name = name;
    this.request = request;
    this.drainer = from.drainer;
    this.target = from.target;
    this.process = from.process;
    this.startedAt = from.startedAt;
  }
}
