import { MESSAGES } from '../../../src/policy/decision.ts';
import type { Recorder } from '../../evidence/recorder.ts';

interface Asked {
  readonly namespace: string;
  readonly name: string;
  /** When kubectl last asked, on the recorder's clock. */
  readonly at: number;
  readonly hasBeenRefused: boolean;
  /** Whether the last answer was a refusal. */
  readonly isRefused: boolean;
}

const ASKS = /^evicting pod ([^/\s]+)\/(\S+)$/;
const REFUSED = /^error when evicting pods\/"([^"]+)" -n "([^"]+)" \(will retry after [^)]*\): (.*)$/;
const BY_WEBHOOK = / denied the request: /;
const EVICTED = /^pod\/(\S+) evicted$/;

/** Marks what a kubectl says of its evictions: the log of an installed hook is not read. */
export class KubectlLines {
  readonly #recorder: Recorder;
  readonly #asked = new Map<string, Asked>();
  #refusals = 0;

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** How many evictions a webhook has refused. */
  get refusals(): number {
    return this.#refusals;
  }

  line(line: string): void {
    const [, namespace = '', name = ''] = ASKS.exec(line) ?? [];
    if (name !== '') this.#asks(namespace, name);
    const [, refused = '', where = '', why = ''] = REFUSED.exec(line) ?? [];
    if (refused !== '') this.#isRefused(where, refused, why);
    // It says no namespace; that pods of the same name are drained at once is no reason to look further.
    const [, evicted] = EVICTED.exec(line) ?? [];
    for (const [key, one] of this.#asked) if (one.name === evicted) this.#asked.delete(key);
  }

  /** kubectl has ended without an error. It says nothing of a 404: that is how a pod ended which it asked for and no more. */
  drained(): void {
    for (const { namespace, name, at, hasBeenRefused, isRefused } of this.#asked.values()) {
      if (hasBeenRefused && !isRefused) this.#recorder.seen('released', { namespace, name }, at);
    }
  }

  #asks(namespace: string, name: string): void {
    const key = `${namespace}/${name}`;
    const { hasBeenRefused = false } = this.#asked.get(key) ?? {};
    this.#asked.set(key, { namespace, name, at: this.#recorder.now, hasBeenRefused, isRefused: false });
  }

  #isRefused(namespace: string, name: string, why: string): void {
    if (!BY_WEBHOOK.test(why)) return;
    this.#refusals += 1;
    const key = `${namespace}/${name}`;
    // Its two streams may come in another order.
    const { at = this.#recorder.now } = this.#asked.get(key) ?? {};
    this.#asked.set(key, { namespace, name, at, hasBeenRefused: true, isRefused: true });
    // The first one marks the pod, and is seen at the pod itself.
    if (!why.includes(MESSAGES.marked)) this.#recorder.seen('refused', { namespace, name });
  }
}
