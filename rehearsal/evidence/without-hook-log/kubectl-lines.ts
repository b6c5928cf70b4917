import { MESSAGES } from '../../../src/policy/decision.ts';
import type { HistoryKeeper } from '../history.ts';
import type { Recorder } from '../recorder.ts';

/** A pod whose eviction kubectl has requested. */
interface Requested {
  readonly namespace: string;
  readonly name: string;
  /** When kubectl last requested it, on the recorder's clock. */
  readonly at: number;
  readonly hasBeenRefused: boolean;
  /** Whether the last response was a refusal. */
  readonly isRefused: boolean;
}

const REQUESTS = /^evicting pod ([^/\s]+)\/(\S+)$/;
const REFUSED = /^error when evicting pods\/"([^"]+)" -n "([^"]+)" \(will retry after [^)]*\): (.*)$/;
const BY_WEBHOOK = / denied the request: (.*)$/;
const EVICTED = /^pod\/(\S+) evicted$/;

/** Records what a kubectl prints about its evictions, because nobody reads the log of an installed hook. */
export class KubectlLines {
  readonly #recorder: Recorder;
  readonly #history: Pick<HistoryKeeper, 'response'>;
  readonly #requested = new Map<string, Requested>();
  #refusals = 0;

  constructor(recorder: Recorder, history: Pick<HistoryKeeper, 'response'>) {
    this.#recorder = recorder;
    this.#history = history;
  }

  /** How many evictions a webhook has refused. */
  get refusals(): number {
    return this.#refusals;
  }

  line(line: string): void {
    const [, namespace = '', name = ''] = REQUESTS.exec(line) ?? [];
    if (name !== '') this.#requests(namespace, name);
    const [, refused = '', where = '', why = ''] = REFUSED.exec(line) ?? [];
    if (refused !== '') this.#isRefused(where, refused, why);
    // It says no namespace; that pods of the same name are drained at once is no reason to look further.
    const [, evicted] = EVICTED.exec(line) ?? [];
    for (const [key, one] of this.#requested) if (one.name === evicted) this.#requested.delete(key);
  }

  /**
   * kubectl has ended without an error. It prints nothing about a 404: a pod that it requested last, and that nobody refused,
   * ended like that.
   */
  drained(): void {
    for (const { namespace, name, at, hasBeenRefused, isRefused } of this.#requested.values()) {
      if (hasBeenRefused && !isRefused) this.#recorder.seen('released', { namespace, name }, at);
    }
  }

  #requests(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const { hasBeenRefused = false } = this.#requested.get(key) ?? {};
    this.#requested.set(key, { namespace, name, at: this.#recorder.now, hasBeenRefused, isRefused: false });
  }

  #isRefused(namespace: string, name: string, why: string): void {
    const [, text] = BY_WEBHOOK.exec(why) ?? [];
    if (text === undefined) return;
    this.#refusals += 1;
    const { now } = this.#recorder;
    this.#history.response({ pod: name, code: 429, text, from: now, to: now, sender: 'drainer' });
    const key = `${namespace}/${name}`;
    // Its two streams may come in another order.
    const { at = now } = this.#requested.get(key) ?? {};
    this.#requested.set(key, { namespace, name, at, hasBeenRefused: true, isRefused: true });
    // The first one marks the pod, and is seen at the pod itself.
    if (!why.includes(MESSAGES.marked)) this.#recorder.seen('refused', { namespace, name });
  }
}
