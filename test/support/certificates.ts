import { X509Certificate } from 'node:crypto';
import { formatAuthorities, parseAuthorities } from '../../src/certificates/authority-secret.ts';
import type { Pair } from '../../src/certificates/certificate-source.ts';
import { lifetimesOf } from '../../src/certificates/lifetimes.ts';
import type { CertificateOptions } from '../../src/controller/certificates.ts';
import { sourceOf } from '../../src/controller/own-certificates.ts';
import type { JsonObject } from '../../src/kube/client.ts';
import { FIELD_MANAGER, type WriteResult } from '../../src/kube/guarded-objects.ts';
import { ManagedRegistration } from '../../src/registration/managed-registration.ts';
import { Registration } from '../../src/registration/registration.ts';
import type { ReplicaPod } from '../../src/registration/replica-pods.ts';
import { type Scope, scopeOf } from '../../src/registration/scope.ts';
import { webhookOf } from '../../src/registration/wanted-webhook.ts';
import { aLog } from './log.ts';
import { FakeClock, settle, until } from './time.ts';

export const NOW = Date.parse('2026-06-01T00:00:00Z');
export const HOUR = 3_600_000;
const MINUTE = 60_000;
export const SERVING_MS = 4 * HOUR;
export const CA_MS = 12 * HOUR;

const SERVICE = { namespace: 'db', name: 'hook', port: 443 } as const;
export const EVERYWHERE = scopeOf('all', undefined, 'db');

/** A webhook as the hook writes it, with this caBundle (PEM). */
export function aWebhook(bundle: string, changes: JsonObject = {}): JsonObject {
  const webhook = webhookOf({ service: SERVICE, failurePolicy: 'Fail', namespaces: EVERYWHERE.namespaces([]) ?? [] });
  const clientConfig = { ...webhook.clientConfig, caBundle: Buffer.from(bundle).toString('base64') };
  return { ...webhook, clientConfig, ...changes };
}

/** The Secret, the registration and the Pods as an API server keeps them, for any number of replicas. */
export class FakeObjects {
  data: Record<string, string> | undefined;
  labels: Record<string, string> = { 'app.kubernetes.io/name': 'reschedule-hook' };
  annotations: Record<string, string> = {};
  /** undefined if there is no registration. */
  webhooks: JsonObject[] | undefined = [aWebhook('')];
  readonly pods = new Map<string, ReplicaPod>();
  readonly writes: string[] = [];
  /** Runs before each call, which waits for it; if it throws, the error is the response. */
  before: (call: string) => unknown = () => undefined;
  /** What becomes of webhooks on their way, as by a mutating webhook. */
  admit: (webhooks: JsonObject[]) => JsonObject[] = (webhooks) => webhooks;
  readonly listeners: ((resourceVersion: string) => void)[] = [];
  /** Who has written the caBundles, as a field manager. */
  writer = 'somebody';
  #secretVersion = 1;
  #registrationVersion = 1;

  /** The caBundles (PEM) of all webhooks; undefined if there is no registration. */
  get bundles(): string[] | undefined {
    return this.webhooks?.map(({ clientConfig }) =>
      Buffer.from((clientConfig as { caBundle?: string }).caBundle ?? '', 'base64').toString(),
    );
  }

  set bundles(bundles: string[] | undefined) {
    this.webhooks = bundles?.map((bundle) => aWebhook(bundle));
  }

  /** Changes the Secret as another client would. */
  putData(data: Record<string, string> | undefined): void {
    this.data = data;
    this.#secretVersion++;
  }

  putBundles(bundles: string[] | undefined, writer?: string): void {
    this.putWebhooks(
      bundles?.map((bundle) => aWebhook(bundle)),
      writer,
    );
  }

  putWebhooks(webhooks: JsonObject[] | undefined, writer = 'somebody'): void {
    this.webhooks = webhooks;
    this.writer = writer;
    this.#registrationVersion++;
    for (const tell of this.listeners) tell(webhooks === undefined ? '' : `${this.#registrationVersion}`);
  }

  readonly secret: CertificateOptions['secret'] = {
    read: async () => {
      await this.#call('read secret');
      return this.data && { content: parseAuthorities(this.data), object: { version: this.#secretVersion } };
    },
    write: async (authorities, observed) => {
      await this.#call('write secret');
      const isSame = observed === undefined ? this.data === undefined : observed.object.version === this.#secretVersion;
      if (!isSame) return { kind: 'changed' };
      this.putData({ ...formatAuthorities(authorities) });
      this.writes.push('secret');
      return WRITTEN;
    },
  };

  readonly registration = new Registration(
    {
      read: async () => {
        await this.#call('read registration');
        return this.webhooks && this.#object();
      },
      patch: async (_path, [test, ...changes], signal) => {
        const isBundle = changes.every(({ path }) => String(path).endsWith('/caBundle'));
        await this.#call(isBundle ? 'write bundle' : 'write webhooks');
        signal?.throwIfAborted();
        if (test.value !== `${this.#registrationVersion}`) return { kind: 'changed' };
        this.writes.push(isBundle ? 'bundle' : 'webhooks');
        const object = structuredClone(this.#object());
        for (const { path, value } of changes) put(object, String(path), value);
        this.annotations = (object.metadata as { annotations: Record<string, string> }).annotations;
        this.putWebhooks(this.admit(object.webhooks as JsonObject[]), FIELD_MANAGER);
        return { kind: 'written', object: this.#object() };
      },
    },
    'hook',
    SERVICE,
  );

  readonly replicaPods = {
    read: async (name: string) => {
      await this.#call('read pod');
      return this.pods.get(name);
    },
  };

  #object(): JsonObject {
    const { labels, annotations, webhooks, writer: manager } = this;
    const written = { 'f:clientConfig': { 'f:caBundle': {} } };
    const names = (webhooks ?? []).map(({ name }) => [`k:${JSON.stringify({ name })}`, written]);
    const managedFields = [{ manager, fieldsV1: { 'f:webhooks': Object.fromEntries(names) } }];
    const metadata = { resourceVersion: `${this.#registrationVersion}`, labels, annotations, managedFields };
    return { metadata, webhooks };
  }

  async #call(name: string): Promise<void> {
    await Promise.resolve();
    await this.before(name);
  }
}

/** What the operation `add` of a JSON patch does. */
function put(object: JsonObject, path: string, value: unknown): void {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/'));
  const last = parts.pop() ?? '';
  const parent = parts.reduce((one, part) => one[part] as Record<string, unknown>, object as Record<string, unknown>);
  parent[last] = value;
}

const WRITTEN: WriteResult = { kind: 'written', object: {} };

export interface ReplicaOptions {
  /** Epoch milliseconds by its own clock. */
  readonly start?: number;
  readonly name?: string;
  readonly failurePolicy?: 'Fail' | 'Ignore';
  readonly scope?: Scope;
  readonly clock?: FakeClock;
}

let replicas = 0;

/** A replica on these objects, whose Pod has been ready for a minute; `go` moves every clock. */
export function aReplica(objects: FakeObjects, options: ReplicaOptions = {}) {
  const { start = NOW, name = `hook-${++replicas}`, failurePolicy = 'Fail', scope = EVERYWHERE } = options;
  const { clock = new FakeClock() } = options;
  const log = aLog();
  const served: Pair[] = [];
  const wall = { now: start };
  const times = {
    now: () => wall.now,
    monotonicNow: clock.monotonicNow,
    setTimer: (callback: () => void, ms: number) => clock.setTimer(callback, ms),
    giveWay: () => clock.giveWay(),
  };
  if (!objects.pods.has(name)) objects.pods.set(name, aPod(name, start - 2 * MINUTE, start - MINUTE));
  const lifetimes = lifetimesOf(SERVING_MS, CA_MS);
  const shared = { log, clock: times, random: () => 0 };
  const registration = new ManagedRegistration({
    ...shared,
    registration: objects.registration,
    pods: objects.replicaPods,
    podName: name,
    service: SERVICE,
    failurePolicy,
    scope,
    keepStrangersMs: lifetimes.keepStrangersMs,
  });
  let wake = () => {};
  /** Keys that are queued or in hand. */
  let pending = 0;
  const source = sourceOf(
    {
      ...shared,
      secret: objects.secret,
      registration,
      secretName: 'ca',
      hosts: ['hook.db.svc', 'localhost'],
      lifetimes,
    },
    (onChange) => {
      wake = () => onChange(undefined);
      return { start: () => void objects.listeners.push(onChange), async stop() {} };
    },
    { onQueueAdd: () => pending++, onReconcile: () => pending-- },
  );
  const rest = () => until(() => pending === 0 && clock.timers > 0, 'the replica to rest');
  return {
    name,
    source,
    log,
    served,
    wall,
    clock,
    /** Something else is new that the registration depends on. */
    wake: () => wake(),
    start: () => source.start((pair) => void served.push(pair)),
    /** Until it waits for the clock again, with all that it had to sign. */
    rest,
    /** Moves on by steps of a minute, letting the replica do what it has to at each. */
    async go(ms: number) {
      for (let left = ms; left > 0; left -= 60_000) {
        wall.now += Math.min(left, 60_000);
        await clock.advance(Math.min(left, 60_000));
        await rest();
      }
      await settle();
    },
  };
}

/** `created` and `readySince` in epoch milliseconds, by the clocks of the API server and of the Pod's node. */
export function aPod(name: string, created: number, readySince?: number): ReplicaPod {
  const since = readySince === undefined ? undefined : new Date(readySince).toISOString();
  return { name, uid: `uid-of-${name}`, created: new Date(created).toISOString(), isEnding: false, readySince: since };
}

/** So many certificates that can be read, PEM, and are worth nothing. */
export function forgeries(pem: string, count: number): string[] {
  const { raw } = new X509Certificate(pem);
  return Array.from({ length: count }, (_, i) => {
    const der = Buffer.from(raw);
    // At its end is the signature.
    der.writeUInt32BE(i, der.length - 4);
    return new X509Certificate(der).toString();
  });
}
