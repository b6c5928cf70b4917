import type { ApiRequest, JsonObject } from '../../../src/kube/client.ts';
import { type ApiError, ApiUnreachableError } from '../../../src/kube/errors.ts';
import type { ApiServer } from './api-server.ts';
import { shown } from './objects.ts';

/** On whose behalf calls are made: one admission, or the controller of one process. */
export interface Task {
  readonly name: string;
  /** What it has sent and not been answered yet, in order. */
  readonly calls: Call[];
}

/** A call on its way: sent, then carried out (`outcome`), then answered. Each is a step of its own. */
export interface Call {
  readonly request: ApiRequest;
  readonly sentAt: number;
  outcome?: { readonly object: JsonObject } | { readonly error: unknown };
  readonly resolve: (object: JsonObject) => void;
  readonly reject: (error: unknown) => void;
}

/** No call of the hook waits longer. */
export const CALL_TIMEOUT_MS = 30_000;
const LIMBO_MAX = 4;
/** The API server drops what nobody waits for any more; it has this long to find out. */
const LIMBO_MS = 60_000;

/** What lies between the hook and the API server: calls are parked here until a step says what becomes of them. */
export class Calls<T extends Task> {
  /** Sent, given up by the hook, and not carried out yet: the API server may still do so. */
  readonly limbo: { readonly call: Call; readonly task: T }[] = [];
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
    const call: Call = { request, sentAt: this.#now(), resolve, reject };
    task.calls.push(call);
    signal?.addEventListener('abort', () => this.#giveUp(task, call, signal.reason), { once: true });
    this.#note(`${task.name} sends ${request.method} ${shortPath(request)}`);
    return promise;
  }

  /** The API server carries out the first call that it has not. */
  serve(task: T): boolean {
    const call = task.calls.find(({ outcome }) => outcome === undefined);
    if (call === undefined) return false;
    call.outcome = this.#carryOut(call.request, task);
    return true;
  }

  /** The first outcome reaches the hook; `isLost`: it does not, and the hook hears of a broken connection. */
  answer(task: T, isLost: boolean): boolean {
    const call = task.calls.find(({ outcome }) => outcome !== undefined);
    if (call?.outcome === undefined) return false;
    task.calls.splice(task.calls.indexOf(call), 1);
    if (isLost) call.reject(unreachable(call.request, 'socket hang up'));
    else if ('object' in call.outcome) call.resolve(call.outcome.object);
    else call.reject(call.outcome.error);
    return true;
  }

  /** The first call is answered with an error: by the API server or by something in between, carried out or not. */
  fail(task: T, error: ApiError, isCarriedOut = false): boolean {
    const call = task.calls.find(({ outcome }) => outcome === undefined);
    if (call === undefined) return false;
    task.calls.splice(task.calls.indexOf(call), 1);
    if (isCarriedOut) this.#carryOut(call.request, task);
    call.reject(error);
    return true;
  }

  /** The connection breaks before the first call was carried out; the call may still be on its way. */
  breakOff(task: T): boolean {
    const call = task.calls.find(({ outcome }) => outcome === undefined);
    if (call === undefined) return false;
    this.#giveUp(task, call, 'read ECONNRESET');
    return true;
  }

  /** The process is dead: nobody waits for the answers, but what was sent was sent. */
  abandon(task: T): void {
    for (const call of task.calls.splice(0)) this.#leave(call, task);
  }

  /** A call that nobody waits for is carried out after all, or is lost for good. */
  settleLimbo(isServed: boolean): boolean {
    const late = this.limbo.shift();
    if (late === undefined) return false;
    const isInTime = this.#now() - late.call.sentAt <= LIMBO_MS;
    if (isServed && isInTime) this.#carryOut(late.call.request, late.task);
    return true;
  }

  /** Whether a call of the task has taken too long, and so was given up. */
  timeOut(task: T): boolean {
    const isOverdue = ({ sentAt }: Call) => this.#now() - sentAt > CALL_TIMEOUT_MS;
    const overdue = task.calls.filter(isOverdue);
    for (const call of overdue) this.#giveUp(task, call, 'timeout');
    return overdue.length > 0;
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
