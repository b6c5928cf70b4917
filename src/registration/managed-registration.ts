import type { Clock } from '../async/clock.ts';
import type { RegistrationState } from '../certificates/certificate-source.ts';
import { certificatesIn, fingerprintsOf } from '../certificates/pem.ts';
import { Backoff } from '../informer/backoff.ts';
import type { JsonObject } from '../kube/client.ts';
import { HOOK_LABEL, isOfTheHook, NAMESPACE_LABEL } from '../kube/reads.ts';
import { LOG, type Log } from '../log/messages.ts';
import { Bundle, type Needed } from './bundle.ts';
import { DECIDED_BY, type DecidedBy, decidedBy, digestOf, formatDecidedBy, isLater } from './decided-by.ts';
import { OwnPod } from './own-pod.ts';
import { Protection } from './protection.ts';
import type { ObservedRegistration, Registration, RegistrationChange, StoredBundle } from './registration.ts';
import type { ReplicaPods } from './replica-pods.ts';
import type { Scope } from './scope.ts';
import {
  differences,
  type Expression,
  isTolerated,
  TOLERATED,
  type WantedWebhook,
  type Webhook,
  webhookOf,
} from './wanted-webhook.ts';

/** What a look brought about: `changed` if something was written, here or meanwhile by somebody else. */
export type Outcome = 'changed' | 'quiet';

export interface ManagedRegistrationOptions {
  readonly registration: Pick<Registration, 'name' | 'read' | 'write' | 'parse'>;
  readonly pods: ReplicaPods;
  /** Of the Pod in which this replica runs. */
  readonly podName: string;
  readonly service: WantedWebhook['service'];
  readonly failurePolicy: WantedWebhook['failurePolicy'];
  readonly scope: Scope;
  /** How long an authority that this replica does not know stays in the bundle, milliseconds. */
  readonly keepStrangersMs: number;
  readonly log: Log;
  readonly clock: Pick<Clock, 'monotonicNow'>;
  readonly random: () => number;
}

const LOOK_FOR_SYNC_EVERY_MS = 10_000;
/** A replica that is awake writes within some 100 ms. */
const OTHERS_WRITE_WITHIN_MS = 1_000;
/** Somebody changes what the hook writes while it is written. To write it again at once would go on without end. */
const CONTESTED = { firstMs: 1_000, maxMs: 300_000, resetAfterMs: 900_000 };
/** Somebody who undoes each write within milliseconds is not to keep the hook and the API server busy. */
const WRITES_AT_ONCE = 10;
const THEN_EVERY_MS = 1_000;
/** Protected pods can be evicted meanwhile. */
const URGENT_MS = 1_000;
/** By this annotation cert-manager's injector writes the caBundle. */
const INJECTED = /^cert-manager\.io\/inject-/;

/**
 * Fills the registration and keeps it right. Every replica does it, without a leader:
 * - a caBundle is only added to at once; what another replica may serve by goes later;
 * - the webhooks are written by a replica whose Pod has been ready for a while, so that there is somebody to ask;
 * - where replicas want different things, the one whose Pod was created last decides, and the others write only an empty list.
 * docs/decisions/0010-registration.md
 */
export class ManagedRegistration {
  readonly #options: ManagedRegistrationOptions;
  readonly #bundle: Bundle;
  readonly #contests: Backoff;
  /** Of all that is set or built in, as another version may want something else; not of what follows from the cluster's state. */
  readonly #wants: string;
  readonly #pod: OwnPod;
  #lookAgainMs = Number.POSITIVE_INFINITY;
  /** What somebody else makes of each write, and until when that is left so, on the monotonic clock. */
  #contested: Contested = { until: Number.NEGATIVE_INFINITY, fields: [], isEmpty: false };
  /** How many writes may be made at once, at a time on the monotonic clock. */
  #allowance = { writes: WRITES_AT_ONCE, at: Number.NEGATIVE_INFINITY };
  #problem: string | undefined;
  #isAbsent = false;
  #isInjected = false;
  readonly #protection: Protection;
  /** Since when the list lacks what only another replica may add, on the monotonic clock. */
  #behindSince: number | undefined;
  #isRegistered = false;
  /** PEM of what every webhook of ours was seen to carry, of what this replica needs. */
  #carried = '';
  /** All that the webhooks carried when there were some. */
  #lastBundle: StoredBundle = { bundle: '', isOfReplica: false };
  #leftOut = 0;
  readonly #corrections = { webhooks: 0, bundle: 0, postponed: 0 };

  constructor(options: ManagedRegistrationOptions) {
    const { keepStrangersMs, clock, random, service, failurePolicy, scope, pods, podName } = options;
    this.#options = options;
    this.#bundle = new Bundle(keepStrangersMs, clock);
    this.#contests = new Backoff(CONTESTED, clock, random);
    const template = webhookOf({ service, failurePolicy, namespaces: scope.fixed });
    this.#wants = digestOf({ template, scope: scope.text, TOLERATED });
    this.#pod = new OwnPod({ pods, podName, namespace: service.namespace, wants: this.#wants, clock });
    this.#protection = new Protection(clock);
  }

  get name(): string {
    return this.#options.registration.name;
  }

  /** Why it keeps the hook unready; undefined if it does not. What calls this replica is answered, whosever it is. */
  get problem(): string | undefined {
    return this.#isRegistered ? undefined : this.#problem;
  }

  /** Milliseconds until it wants to look again without being woken; Infinity if it does not. */
  get lookAgainMs(): number {
    const left = this.#contested.until - this.#options.clock.monotonicNow();
    return Math.min(this.#lookAgainMs, left > 0 ? left : Number.POSITIVE_INFINITY);
  }

  /** Milliseconds in which a look that failed is to be made again; Infinity if nothing is urgent. */
  get retryWithinMs(): number {
    return this.#protection.isExposed ? URGENT_MS : Number.POSITIVE_INFINITY;
  }

  /** To be called when it has changed: until it was looked at, anything may be true of it. */
  heard(): void {
    this.#protection.isExposed = true;
  }

  /** `isVerified` is known by whoever serves the certificate. */
  state(): Omit<RegistrationState, 'isVerified'> {
    return {
      isRegistered: this.#isRegistered,
      unprotectedMs: this.#protection.unprotectedMs,
      corrections: { ...this.#corrections },
      authoritiesLeftOut: this.#leftOut,
    };
  }

  read(signal: AbortSignal): Promise<ObservedRegistration | undefined> {
    return this.#options.registration.read(signal);
  }

  /**
   * Makes the registration that was just read what it has to be, as far as this replica may. Throws what a read or a write
   * throws, and an Error if the registration is somebody else's or its own Pod is not to be found.
   */
  async settle(observed: ObservedRegistration | undefined, needed: Needed, signal: AbortSignal): Promise<Outcome> {
    this.#lookAgainMs = Number.POSITIVE_INFINITY;
    this.#note(observed);
    if (observed === undefined) return 'quiet';
    if (this.#problem !== undefined) {
      this.#protection.isExposed = false;
      throw new Error(this.#problem);
    }
    const verdict = await this.#judge(observed, signal);
    signal.throwIfAborted();
    if (needed.needed === '') return 'quiet';
    const { changed, decides } = verdict;
    if (decides && !this.#isContested(observed, changed)) return this.#fill(observed, needed, verdict, signal);
    const outcome = await this.#addToBundles(observed, needed, signal);
    // What is wrong with its Pod is told before it matters, and an empty list need not wait for that read.
    if (outcome === 'quiet' && changed.length === 0) await this.#established(signal);
    return outcome;
  }

  /** What is to be put right, and whether by this replica. Counts the time without protection. */
  async #judge(observed: ObservedRegistration, signal: AbortSignal): Promise<Verdict> {
    const changed = await this.#changed(observed, signal);
    const decides = changed.length > 0 && (await this.#mayDecide(observed, signal));
    const isBehind = this.#options.scope.isBehind(this.#registered(observed)) && changed.join() === 'namespaceSelector';
    const verdict = { changed, decides, isBehind };
    // After a lost response, too.
    if (changed.length === 0) this.#protection.hasFailed = false;
    const isProtected = this.#isProtected(observed, verdict);
    if (isProtected && !isBehind) this.#protection.wasRight = true;
    if (!isBehind) this.#behindSince = undefined;
    this.#protection.account(isProtected, this.#behindSince);
    return verdict;
  }

  /** When to look again for what is wanted: nobody tells when the cache has its first list. */
  #untilKnownMs(registered: readonly Expression[]): number {
    const isKnown = this.#options.scope.namespaces(registered) !== undefined;
    return isKnown ? Number.POSITIVE_INFINITY : LOOK_FOR_SYNC_EVERY_MS;
  }

  async #changed(observed: ObservedRegistration, signal: AbortSignal): Promise<string[]> {
    const { scope } = this.#options;
    const registered = this.#registered(observed);
    scope.look(registered);
    this.#lookAgainMs = this.#untilKnownMs(registered);
    const changed = this.#differences(observed);
    this.#protection.isExposed = observed.own.length === 0 || changed.length > 0;
    if (changed.length > 0) return changed;
    // Nothing is urgent, and this may take a while.
    await scope.release(signal);
    return this.#differences(observed);
  }

  #isProtected(observed: ObservedRegistration, { changed, decides, isBehind }: Verdict): boolean {
    if (observed.own.length === 0) return false;
    if (changed.length === 0 || !this.#isUndone(observed)) return true;
    if (!isBehind) return false;
    if (this.#options.scope.isCovered(this.#registered(observed))) return true;
    // A namespace's first pod waits for one write, and no longer.
    return decides ? !this.#protection.hasFailed : this.#mayOtherWrite();
  }

  /** Whether another replica's write may still be on its way, while this one may not write. */
  #mayOtherWrite(): boolean {
    this.#behindSince ??= this.#now;
    const leftMs = this.#behindSince + OTHERS_WRITE_WITHIN_MS - this.#now;
    if (leftMs <= 0) return false;
    this.#lookAgainMs = Math.min(this.#lookAgainMs, leftMs);
    return true;
  }

  /** What a look at it says by itself. */
  #note(observed: ObservedRegistration | undefined): void {
    if (observed === undefined && !this.#isAbsent) {
      this.#options.log.warn(LOG.registrationMissing, { registration: this.name });
    }
    this.#isAbsent = observed === undefined;
    this.#problem = observed && this.#foreign(observed);
    this.#isRegistered = observed !== undefined && observed.own.length > 0;
    // Filled by this replica before it was restarted, or by another.
    if (observed !== undefined && decidedBy(observed) !== undefined) this.#protection.wasRight = true;
    if (observed?.own.length) {
      const bundle = observed.own.map((one) => one.bundle).join('\n');
      this.#lastBundle = { bundle, isOfReplica: observed.own.every(({ isOfReplica }) => isOfReplica) };
    }
    if (observed === undefined) this.#protection.account(false);
  }

  /** Nothing differs while it is not known what is wanted. */
  #differences(observed: ObservedRegistration): string[] {
    const wanted = this.#webhook(observed);
    return wanted === undefined ? [] : differences(observed.webhooks, this.#stored(observed), wanted);
  }

  #webhook(observed: ObservedRegistration): Webhook | undefined {
    const { service, failurePolicy, scope } = this.#options;
    const registered = this.#registered(observed);
    const namespaces = scope.namespaces(registered);
    if (namespaces === undefined) return undefined;
    return webhookOf({ service, failurePolicy, namespaces: [...namespaces, ...registered.filter(isTolerated)] });
  }

  /** The first of its own webhooks, as it is stored. */
  #stored({ webhooks, own: [first] }: ObservedRegistration): JsonObject | undefined {
    return first && webhooks[first.index];
  }

  #registered(observed: ObservedRegistration): readonly Expression[] {
    const { namespaceSelector = {} } = this.#stored(observed) ?? {};
    return (namespaceSelector as { matchExpressions?: readonly Expression[] }).matchExpressions ?? [];
  }

  /** Whether this replica is the one to write the webhooks. */
  async #mayDecide(observed: ObservedRegistration, signal: AbortSignal): Promise<boolean> {
    const self = await this.#established(signal);
    if (self === undefined) return false;
    if (observed.own.length === 0) return true;
    const by = decidedBy(observed);
    if (by === undefined || by.wants === self.wants || by.uid === self.uid || isLater(self, by)) return true;
    // What it says of its age counts only if the API server says the same.
    const pod = await this.#options.pods.read(by.pod, signal);
    // One that is not ready may never be again, and would keep the others from putting anything right.
    if (pod === undefined || pod.uid !== by.uid || pod.isEnding || pod.readySince === undefined) return true;
    return isLater(self, { pod: pod.name, created: pod.created });
  }

  /** Who this replica is, once its Pod has been ready for long enough. */
  async #established(signal: AbortSignal): Promise<DecidedBy | undefined> {
    const self = await this.#pod.look(signal);
    if (self === undefined) this.#lookAgainMs = this.#pod.lookAgainMs;
    return self;
  }

  async #fill(
    observed: ObservedRegistration,
    needed: Needed,
    { changed, isBehind }: Verdict,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { registration, log } = this.#options;
    const webhook = this.#webhook(observed);
    if (webhook === undefined) return 'quiet';
    // What was carried before the list was emptied, too: another replica may serve by it.
    const carried = this.#lastBundle;
    const isLeft = this.#isLeftToInjector(observed) && carried.bundle !== '';
    const bundle = isLeft ? carried.bundle : this.#bundle.wanted(carried, needed);
    const value = [{ ...webhook, clientConfig: { ...webhook.clientConfig, caBundle: encode(bundle) } }];
    const by = formatDecidedBy(this.#pod.self as DecidedBy);
    const isCorrection = this.#protection.wasRight && !isBehind && this.#isUndone(observed);
    const changes = [{ op: 'add', path: '/webhooks', value } as const, ...annotate(observed, by)];
    if (!this.#mayWriteAgain()) return 'quiet';
    this.#protection.hasFailed = true;
    const result = await registration.write(observed, changes, signal);
    this.#protection.hasFailed = false;
    if (result.kind === 'changed') return 'changed';
    this.#protection.wasRight = true;
    this.#accountLeftOut();
    if (isCorrection) this.#corrections.webhooks++;
    const fields = { registration: registration.name, changed: changed.join(',') };
    if (isCorrection) log.warn(LOG.registrationCorrected, fields);
    else log.info(LOG.registrationFilled, fields);
    const stored = registration.parse(result.object);
    const left = this.#differences(stored);
    if (left.length > 0) {
      this.#corrections.postponed++;
      const until = this.#now + this.#contests.next();
      this.#contested = { until, fields: left, isEmpty: stored.own.length === 0 };
      log.warn(LOG.registrationContested, { registration: registration.name, changed: left.join(',') });
    }
    return 'changed';
  }

  /** Whether it is only what somebody else made of the last write. Anything more cannot wait, an empty list least of all. */
  #isContested({ own }: ObservedRegistration, changed: readonly string[]): boolean {
    const { until, fields, isEmpty } = this.#contested;
    return this.#now < until && (own.length > 0 || isEmpty) && changed.every((field) => fields.includes(field));
  }

  /** Whether somebody else undid what a replica of the same settings had written. */
  #isUndone(observed: ObservedRegistration): boolean {
    const by = decidedBy(observed);
    return observed.own.length === 0 || by === undefined || by.wants === this.#wants;
  }

  /** Every replica may: nothing that another one needs is taken away. */
  async #addToBundles(observed: ObservedRegistration, needed: Needed, signal: AbortSignal): Promise<Outcome> {
    const { registration, log } = this.#options;
    if (this.#isLeftToInjector(observed)) return 'quiet';
    const changes = observed.own.flatMap(({ index, ...stored }): RegistrationChange[] => {
      const wanted = this.#bundle.wanted(stored, needed);
      if (wanted === stored.bundle) return [];
      return [{ op: 'add', path: `/webhooks/${index}/clientConfig/caBundle`, value: encode(wanted) }];
    });
    const isLacking = observed.own.some(({ bundle }) => !carries(bundle, needed.needed));
    if (!isLacking && observed.own.length > 0) this.#carried = needed.needed;
    if (changes.length === 0) return 'quiet';
    const isCorrection = isLacking && this.#carried !== '' && carries(this.#carried, needed.needed);
    if (!this.#mayWriteAgain()) return 'quiet';
    const result = await registration.write(observed, changes, signal);
    if (result.kind === 'changed') return 'changed';
    if (isCorrection) this.#corrections.bundle++;
    this.#accountLeftOut();
    const fields = { registration: registration.name, authorities: certificatesIn(needed.needed).length };
    if (isCorrection) log.warn(LOG.bundleCorrected, fields);
    else log.info(LOG.bundleWritten, fields);
    return 'changed';
  }

  #accountLeftOut(): void {
    const { leftOut } = this.#bundle;
    if (leftOut === 0) return;
    this.#leftOut += leftOut;
    this.#options.log.warn(LOG.authoritiesLeftOut, { registration: this.name, leftOut });
  }

  /** A few writes at once, and one a second from then on. */
  #mayWriteAgain(): boolean {
    const { writes, at } = this.#allowance;
    const now = this.#now;
    const left = Math.min(WRITES_AT_ONCE, writes + (now - at) / THEN_EVERY_MS);
    if (left < 1) {
      this.#corrections.postponed++;
      this.#lookAgainMs = Math.min(this.#lookAgainMs, Math.ceil((1 - left) * THEN_EVERY_MS));
      return false;
    }
    this.#allowance = { writes: left - 1, at: now };
    return true;
  }

  /** It would write its own again and again. */
  #isLeftToInjector({ annotations }: ObservedRegistration): boolean {
    const found = Object.keys(annotations).find((key) => INJECTED.test(key));
    if (found !== undefined && !this.#isInjected) {
      this.#options.log.warn(LOG.bundleInjected, { registration: this.name, annotation: found });
    }
    this.#isInjected = found !== undefined;
    return this.#isInjected;
  }

  #foreign({ labels, webhooks, own }: ObservedRegistration): string | undefined {
    const { service } = this.#options;
    const way = 'set WEBHOOK_CONFIGURATION to a name of its own';
    if (!isOfTheHook(labels)) {
      return `the registration ${this.name} is not the hook's (it has no label ${HOOK_LABEL}): ${way}`;
    }
    const namespace = labels[NAMESPACE_LABEL] ?? (own.length === 0 ? calledNamespace(webhooks) : undefined);
    if (namespace === undefined || namespace === service.namespace) return undefined;
    return `the registration ${this.name} belongs to the installation in namespace ${namespace}: ${way}`;
  }

  get #now(): number {
    return this.#options.clock.monotonicNow();
  }
}

interface Verdict {
  /** The names of the fields that are not as they have to be. */
  readonly changed: readonly string[];
  readonly decides: boolean;
  /** Whether it only has to follow the cluster. */
  readonly isBehind: boolean;
}

interface Contested {
  readonly until: number;
  readonly fields: readonly string[];
  readonly isEmpty: boolean;
}

const encode = (pem: string) => Buffer.from(pem).toString('base64');

/** A JSON patch cannot add to what is not there. */
function annotate({ annotations }: ObservedRegistration, by: string): RegistrationChange[] {
  if (Object.keys(annotations).length === 0) {
    return [{ op: 'add', path: '/metadata/annotations', value: { [DECIDED_BY]: by } }];
  }
  return [{ op: 'add', path: `/metadata/annotations/${DECIDED_BY.replace('/', '~1')}`, value: by }];
}

const carries = (bundle: string, needed: string) => fingerprintsOf(needed).isSubsetOf(fingerprintsOf(bundle));

function calledNamespace(webhooks: ObservedRegistration['webhooks']): string | undefined {
  const services = webhooks.map(({ clientConfig }) => (clientConfig as { service?: { namespace?: string } })?.service);
  return services.find((service) => service?.namespace !== undefined)?.namespace;
}
