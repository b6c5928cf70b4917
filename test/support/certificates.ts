import { formatAuthorities, parseAuthorities } from '../../src/certificates/authority-secret.ts';
import type { Pair } from '../../src/certificates/certificate-source.ts';
import { lifetimesOf } from '../../src/certificates/lifetimes.ts';
import type { CertificateOptions } from '../../src/controller/certificates.ts';
import { sourceOf } from '../../src/controller/own-certificates.ts';
import type { WriteResult } from '../../src/kube/guarded-objects.ts';
import { aLog } from './log.ts';
import { FakeClock, settle, until } from './time.ts';

export const NOW = Date.parse('2026-06-01T00:00:00Z');
export const HOUR = 3_600_000;
export const SERVING_MS = 4 * HOUR;
export const CA_MS = 12 * HOUR;

/** The Secret and the registration as an API server keeps them, for any number of replicas. */
export class FakeObjects {
  data: Record<string, string> | undefined;
  /** One caBundle for each webhook; undefined if there is no registration. */
  bundles: string[] | undefined = [''];
  readonly writes: string[] = [];
  /** Runs before each call; if it throws, the error is the response. */
  before: (call: string) => void = () => undefined;
  readonly listeners: ((resourceVersion: string) => void)[] = [];
  #secretVersion = 1;
  #registrationVersion = 1;

  /** Changes the Secret as another client would. */
  putData(data: Record<string, string> | undefined): void {
    this.data = data;
    this.#secretVersion++;
  }

  putBundles(bundles: string[] | undefined): void {
    this.bundles = bundles;
    this.#registrationVersion++;
    for (const tell of this.listeners) tell(bundles === undefined ? '' : `${this.#registrationVersion}`);
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

  readonly registration: CertificateOptions['registration'] = {
    read: async () => {
      await this.#call('read registration');
      const webhooks = this.bundles?.map((bundle, index) => ({ index, bundle }));
      return webhooks && { resourceVersion: `${this.#registrationVersion}`, webhooks };
    },
    write: async (observed, changes) => {
      await this.#call('write bundle');
      if (observed.resourceVersion !== `${this.#registrationVersion}`) return { kind: 'changed' };
      this.writes.push('bundle');
      const bundles = observed.webhooks.map(({ bundle }) => bundle);
      for (const { path, value } of changes) {
        bundles[Number(path.split('/')[2])] = Buffer.from(value, 'base64').toString();
      }
      this.putBundles(bundles);
      return WRITTEN;
    },
  };

  async #call(name: string): Promise<void> {
    await Promise.resolve();
    this.before(name);
  }
}

const WRITTEN: WriteResult = { kind: 'written', object: {} };

/** A replica on these objects; `go` moves every clock. */
export function aReplica(objects: FakeObjects, clock = new FakeClock(), start = NOW) {
  const log = aLog();
  const served: Pair[] = [];
  const wall = { now: start };
  /** Keys that are queued or in hand. */
  let pending = 0;
  const source = sourceOf(
    {
      secret: objects.secret,
      registration: objects.registration,
      secretName: 'ca',
      registrationName: 'hook',
      hosts: ['hook.db.svc', 'localhost'],
      lifetimes: lifetimesOf(SERVING_MS, CA_MS),
      log,
      clock: {
        now: () => wall.now,
        monotonicNow: clock.monotonicNow,
        setTimer: (callback, ms) => clock.setTimer(callback, ms),
        timeoutSignal: (ms) => clock.timeoutSignal(ms),
        giveWay: () => clock.giveWay(),
      },
      random: () => 0,
    },
    (onChange) => ({
      start: () => void objects.listeners.push(onChange),
      async stop() {},
    }),
    { onQueueAdd: () => pending++, onReconcile: () => pending-- },
  );
  const rest = () => until(() => pending === 0 && clock.timers > 0, 'the replica to rest');
  return {
    source,
    log,
    served,
    wall,
    clock,
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
