import { type CallClass, classOf } from '../../../src/kube/call-class.ts';
import type { ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { type ApiError, ApiUnreachableError } from '../../../src/kube/errors.ts';
import type { ApiServer } from './api-server.ts';
import { shown } from './objects.ts';

/** The owner of calls: one admission, or the controller of one process. */
export interface Task {
  readonly name: string;
  /** The calls without a response yet, in order. */
  readonly calls: Call[];
}

/** A call on its way: it is sent, then carried out (`outcome`), then answered. Each is a separate step. */
export interface Call {
  readonly request: ApiRequest;
  readonly callClass: CallClass;
  readonly sentAt: number;
  outcome?: { readonly object: JsonObject } | { readonly error: unknown };
  readonly resolve: (object: JsonObject) => void;
  readonly reject: (error: unknown) => void;
}

/** The longest time that the hook waits for a call. */
export const CALL_TIMEOUT_MS = 30_000;
const LIMBO_MAX = 4;
/** How long the API server may take to notice that nobody waits for a call, and to drop it. */
const LIMBO_MS = 60_000;

/** The network between the hook and the API server: calls wait here until a step decides what happens to them. */
export class Calls<T extends Task> {
  /** Calls that the hook gave up and the API server has not carried out. It may still do so. */
  readonly limbo: { readonly call: Call; readonly task: T }[] = [];
  /** The classes of calls that hang, with the time since when: nothing happens to such a call, unless its time is up. */
  readonly hanging = new Map<CallClass, number>();
  readonly #server: ApiServer<T>;
  readonly #now: () => number;
  readonly #note: (text: string) => void;

  constructor(server: ApiServer<T>, now: () => number, note: (text: string) => void) {
    this.#server = server;
    this.#now = now;
    this.#note = note;
  }

  park(task: T, request: ApiRequest): Promise<JsonObject> {
    const { signal } = request;
    if (signal?.aborted) return Promise.reject(unreachable(request, signal.reason));
    const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
    const call: Call = { request, callClass: classOf(request), sentAt: this.#now(), resolve, reject };
    task.calls.push(call);
    signal?.addEventListener('abort', () => this.#giveUp(task, call, signal.reason), { once: true });
    this.#note(`${task.name} sends ${request.method} ${shortPath(request)}`);
    return promise;
  }

  /** The API server carries out the first pending call. */
  serve(task: T): boolean {
    const call = this.#firstSent(task);
    if (call === undefined) return false;
    call.outcome = this.#carryOut(call.request, task);
    return true;
  }

  /** The first outcome reaches the hook. `isLost`: the hook gets a broken connection instead. */
  answer(task: T, isLost: boolean): boolean {
    const call = task.calls.find(({ outcome, callClass }) => outcome !== undefined && !this.hanging.has(callClass));
    if (call?.outcome === undefined) return false;
    task.calls.splice(task.calls.indexOf(call), 1);
    if (isLost) call.reject(unreachable(call.request, 'socket hang up'));
    else if ('object' in call.outcome) call.resolve(call.outcome.object);
    else call.reject(call.outcome.error);
    return true;
  }

  /** The first call gets an error from the API server or from a proxy, whether it was carried out or not. */
  fail(task: T, error: ApiError, isCarriedOut = false): boolean {
    const call = this.#firstSent(task);
    if (call === undefined) return false;
    task.calls.splice(task.calls.indexOf(call), 1);
    if (isCarriedOut) this.#carryOut(call.request, task);
    call.reject(error);
    return true;
  }

  /** The connection breaks before the first call was carried out. The call may still be on its way. */
  breakOff(task: T): boolean {
    const call = this.#firstSent(task);
    if (call === undefined) return false;
    this.#giveUp(task, call, 'read ECONNRESET');
    return true;
  }

  /** The process is dead: nobody waits for responses, but its calls stay on their way. */
  abandon(task: T): void {
    for (const call of task.calls.splice(0)) this.#leave(call, task);
  }

  /** Carries out a call that nobody waits for, or loses it for good. */
  settleLimbo(isServed: boolean): boolean {
    const late = this.limbo[0];
    if (late === undefined || (isServed && this.hanging.has(late.call.callClass))) return false;
    this.limbo.shift();
    const isInTime = this.#now() - late.call.sentAt <= LIMBO_MS;
    if (isServed && isInTime) this.#carryOut(late.call.request, late.task);
    return true;
  }

  /** Gives up calls that took too long. Returns whether there was one. */
  timeOut(task: T): boolean {
    const isOverdue = ({ sentAt }: Call) => this.#now() - sentAt > CALL_TIMEOUT_MS;
    const overdue = task.calls.filter(isOverdue);
    for (const call of overdue) this.#giveUp(task, call, 'timeout');
    return overdue.length > 0;
  }

  /** The first call that waits to be carried out, and does not hang. */
  #firstSent({ calls }: T): Call | undefined {
    return calls.find(({ outcome, callClass }) => outcome === undefined && !this.hanging.has(callClass));
  }

  #carryOut(request: ApiRequest, task: T): Exclude<Call['outcome'], undefined> {
    try {
      const object = this.#server.call(request, task);
      this.#note(`${task.name} ${request.method} ${shortPath(request)} is carried out`);
      return { object };
    } catch (error) {
      this.#note(`${task.name} ${request.method} ${shortPath(request)}: ${String(error)}`);
      return { error };
    }
  }

  #giveUp(task: T, call: Call, cause: unknown): void {
    const index = task.calls.indexOf(call);
    if (index === -1) return;
    task.calls.splice(index, 1);
    this.#leave(call, task);
    call.reject(unreachable(call.request, cause));
  }

  #leave(call: Call, task: T): void {
    const mayStillWrite = call.outcome === undefined && call.request.method !== 'GET';
    if (mayStillWrite && this.limbo.length < LIMBO_MAX) this.limbo.push({ call, task });
  }
}

const unreachable = ({ method, path }: ApiRequest, cause: unknown) =>
  new ApiUnreachableError(`${method} ${path}`, cause);

const shortPath = ({ path }: ApiRequest) => path.split('/').slice(-2).map(shown).join('/');
